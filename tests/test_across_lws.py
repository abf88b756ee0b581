"""What joins the papers on models grown in paper B's shapes."""

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import draws, stored
from scipy import stats

from strata import schedules
from strata.across import association, lws_models, runs, shapes, touch
from strata.evidence import MODEL, RANDOM
from strata.execution import passage_nll, scheduled, trace
from strata.lws import build, layer_shapes, readers, trained
from strata.lws.scaling import proportional

SECTION = "across_papers"
VOCABULARY, LENGTH = 61, 16
GEOMETRY = proportional(24, VOCABULARY)


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    made = [np.arange(start, stop) % VOCABULARY for start, stop in ((0, 20), (1, 6), (2, 11))]
    store = stored(tmp_path_factory.mktemp("tokens") / "x.tokens", made)
    return readers.validation("correct", store, 3, LENGTH)


@pytest.fixture(scope="module")
def measured(documents, settings):
    """The uniform model and Crown, twice each, with an untrained twin."""
    plan = settings.painters_variants.model_copy(update={"affected": [3]})
    batches = lws_models.token_batches(documents, 2)
    found = []
    for variant in ("baseline_18l", "crown"):
        for seed, subject in ((0, MODEL), (0, RANDOM), (1, MODEL)):
            model = build(variant, GEOMETRY, LENGTH, seed=seed + 2 * (subject == RANDOM)).eval()
            model.requires_grad_(False)
            who = lws_models.Subject(variant, seed, subject)
            tables = lws_models.measure(model, batches, plan, str(who))
            found.append([table.assign(**who._asdict()) for table in tables.values()])
    return [pd.concat(tables, ignore_index=True) for tables in zip(*found, strict=True)]


@pytest.fixture(scope="module")
def lws(measured, section, tmp_path_factory):
    folder = tmp_path_factory.mktemp("across")
    for name, table in zip(("layers", "nll", "schedules"), measured, strict=True):
        table.to_csv(folder / f"lws_{name}.csv", index=False)
    return runs.read(folder, section)


def test_documents_are_scored_as_in_training(documents, measured):
    _, nll, _ = measured
    model = build("crown", GEOMETRY, LENGTH, seed=0).eval()
    expected = readers.measure(model, documents, "fp32")
    rows = nll.query("model == 'crown' and seed == 0 and subject == 'model'")
    assert rows["nll"].tolist() == pytest.approx(expected.real_nll, rel=1e-5)
    assert rows["tokens"].tolist() == expected.real_tokens


def test_swaps_and_variants_are_those_schedules(documents, measured):
    _, _, table = measured
    model = build("crown", GEOMETRY, LENGTH, seed=0).eval().requires_grad_(False)
    (batch,) = lws_models.token_batches(documents, 3)
    rows = table.query("model == 'crown' and seed == 0 and subject == 'model'")
    found = rows.set_index(["change", "place"]).filter(like="nll_D")
    cases = {
        ("swap", 4): schedules.swap_layers(18, 4),
        ("reverse", 3): schedules.reverse(18, schedules.start_for(18, 3)),
    }
    for case, schedule in cases.items():
        with scheduled(model, schedule):
            expected = passage_nll(model, trace(model, batch).inputs[-1], batch)
        assert found.loc[case].to_numpy() == pytest.approx(expected.numpy(), rel=1e-5)


def test_twins_are_what_training_began_from(tmp_path):
    results = []
    for seed in (0, 1):
        model = build("crown", GEOMETRY, LENGTH, seed=7)
        name = f"variants-crown-correct-seed{seed}"
        facts = {"run": name, "variant": "crown", "seed": seed, "shuffled_depth_roles": False}
        results.append(facts | {"weights_sha256": trained.keep(model, tmp_path / name)})
    found = list(lws_models.subjects(results, tmp_path))
    names = [("crown", 0, MODEL), ("crown", 0, RANDOM), ("crown", 1, MODEL)]
    assert [tuple(subject) for subject, _ in found] == names
    begun = build("crown", GEOMETRY, LENGTH, seed=lws_models.INITIAL_SEED).state_dict()
    twin = found[1][1].state_dict()
    assert all(torch.equal(twin[key], begun[key]) for key in begun)


def test_capacity_is_what_the_shapes_say(lws, section):
    assert lws.models == ["baseline_18l", "crown"] and lws.scaled() == ["crown"]
    widths = [shape.ffn_width for shape in layer_shapes("crown", GEOMETRY)]
    run = lws.of("crown", MODEL)[0]
    assert stats.spearmanr(run.parameters, widths).statistic > 0.9
    columns = 1 + section.resamples
    assert run.importance.shape == (18, columns) and run.swaps.shape == (17, columns)
    assert {M for _, M in run.variants} == {3} and len(run.variants) == 6
    assert lws.of("baseline_18l", RANDOM).keys() == {0}


def test_every_question_about_lws_models_has_its_nulls(lws, section):
    elsewhere = {MODEL: draws(*range(30)), RANDOM: draws(*range(30))}
    found = shapes.matches(lws, elsewhere, section)
    parameters = lws.of("crown", MODEL)[0].parameters
    expected = stats.spearmanr(parameters, np.arange(18)).statistic
    assert found["shapes.crown.smollm2"][MODEL].value == pytest.approx(expected)
    nulls_of = {MODEL, RANDOM, association.PERMUTED}
    assert all(each.keys() == nulls_of for each in found.values())
    for each in shapes.agreements(lws).values():
        assert each.keys() == {MODEL, RANDOM, shapes.ANOTHER_SEED}
    for each in shapes.differences(lws).values():
        assert each.keys() == {MODEL, RANDOM}
    share = shapes.first_layer(lws)["anatomy.baseline_18l.first_layer_share"]
    positive = [
        np.maximum(run.importance[:, 0], 0) for run in lws.of("baseline_18l", MODEL).values()
    ]
    assert share[MODEL].value == pytest.approx(np.mean([each[0] / each.sum() for each in positive]))
    assert share.keys() == {MODEL, RANDOM}
    table, alike = shapes.structure(lws, section)
    assert alike["anatomy.crown.structure"].keys() == {MODEL, RANDOM, shapes.ANOTHER_SEED}
    assert len(table) == 3 * 11
    assert touch.lws_measurements(lws, section)["touch.swap.lws_models"].keys() == {
        *nulls_of,
        touch.POSITION,
    }


def test_runs_that_saw_the_same_data_are_never_paired(lws):
    same = {**lws.found}
    for seed in (0, 1):
        same["crown", seed, MODEL] = lws.found["baseline_18l", seed, MODEL]
    found = shapes.agreements(runs.LwsRuns(same))["anatomy.crown.importance"]
    seeds = (lws.found["baseline_18l", seed, MODEL].importance[:, 0] for seed in (0, 1))
    expected = stats.spearmanr(*seeds).statistic
    assert found[MODEL].value == found[shapes.ANOTHER_SEED].value == pytest.approx(expected)
