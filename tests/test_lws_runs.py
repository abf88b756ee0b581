"""Readers, comparison and speed on made-up runs whose answers are known."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import stored

from strata import params, paths
from strata.claims.ledger import load_ledger
from strata.lws import build, comparison, published, readers, resampling, throughput, trained
from strata.lws.queue import price
from strata.lws.runs import Run, RunError, execute, finished, planned, work_of
from strata.lws.scaling import VARIANTS, layer_shapes, proportional
from strata.text import Corpus, TextError
from strata.text.tokens import TokenWriter
from strata.training import Sequences, TrainingError, World

DOCUMENTS = 30


@pytest.fixture(scope="module")
def settings():
    return params.read(paths.PARAMS)


@pytest.fixture
def store(tmp_path):
    return stored(tmp_path / "x.tokens", [range(1, count + 1) for count in (20, 1, 5, 9)])


def result(variant, reader, seed, loss, control=False, gain=0.0, precision="fp32", zero=0.0):
    noise = np.random.default_rng(seed).normal(0, 0.01, DOCUMENTS)
    real = {"real_nll": list(16 * (loss + noise)), "real_tokens": [16] * DOCUMENTS}
    zeros = 15 if reader == "as_published" else 0
    losses = real | {"zero_nll": [zeros * zero] * DOCUMENTS, "zero_tokens": [zeros] * DOCUMENTS}
    untrained = losses | {"real_nll": [64.0] * DOCUMENTS, "zero_nll": [4.0 * zeros] * DOCUMENTS}
    return {
        "group": "variants",
        "variant": variant,
        "reader": reader,
        "seed": seed,
        "shuffled_depth_roles": control,
        "d_model": 48,
        "precision": precision,
        "learning_rate": 3e-3,
        "steps": 100,
        "positions_per_step": 1024,
        "parameters": 1,
        "training_curve": [[1, 6.0], [100, loss]],
        "validation_curve": [[50, loss + 1], [100, loss]],
        "untrained": untrained,
        "documents": losses,
        "norm_gains": {"count": 5, "moved": int(gain > 0), "largest_move": gain},
    }


@pytest.fixture
def results():
    made = []
    for seed in (0, 1):
        for variant in VARIANTS:
            made.append(result(variant, "correct", seed, 3.0 if "baseline" in variant else 2.9))
        made.append(result("bowtie", "correct", seed, 2.97))
        for variant in comparison.LWS_18L:
            made.append(result(variant, "correct", seed, 2.95, control=True))
        made.append(result("baseline_18l", "as_published", seed, 3.2, zero=0.01))
    made.append(result("baseline_18l", "correct", 0, 5.0, precision="pure_bf16"))
    made.append(result("baseline_18l", "correct", 0, 5.0, gain=0.1, precision="bf16_autocast"))
    return made


@pytest.fixture
def compared(results, settings):
    main = resampling.main_results(results, settings.lws_train)
    sampling = resampling.Resampling.of(main, 500, 0)
    return comparison.measured(results, main, sampling), comparison.table(main, sampling)


def test_both_readers_are_measured_on_the_same_real_tokens(store):
    right = readers.validation("correct", store, 3, 16)
    wrong = readers.validation("as_published", store, 3, 16)
    for row in range(3):
        shown = wrong.ids_NxL[row, 1:][wrong.real_NxL[row]].tolist()
        ids = right.ids_NxL[row]
        assert shown == [*ids[:1].tolist(), *ids[1:][right.real_NxL[row]].tolist()]
        assert not wrong.ids_NxL[row, 1:][wrong.zero_NxL[row]].any()
    assert right.real_NxL.sum(dim=1).tolist() == [7, 4, 7]
    assert wrong.zero_NxL.sum(dim=1).tolist() == [7, 4, 7]


def test_too_few_documents_are_named(store):
    with pytest.raises(TextError, match="3 documents of two tokens or more, expected .* 4"):
        readers.validation("correct", store, 4, 16)


@pytest.mark.parametrize("reader", ["correct", "as_published"])
def test_measured_losses_are_those_of_unpadded_documents(store, reader):
    model = build("baseline_12l", proportional(24, 61), 16).eval()
    data = readers.validation(reader, store, 3, 16)
    ours = readers.measure(model, data, "fp32")
    for row in range(3):
        ids = data.ids_NxL[row][: 1 + int((data.real_NxL | data.zero_NxL)[row].sum())][None]
        logits = model(input_ids=ids).logits[0, :-1].detach().double()
        nll = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
        total = ours.real_nll[row] + ours.zero_nll[row]
        assert total == pytest.approx(float(nll.sum()), rel=1e-5)


def test_training_tokens_alternate_with_zeros_for_the_wrong_reader(store):
    wrong = readers.training_tokens("as_published", store)
    assert wrong[64::2].tolist() == store.tokens.tolist() and not wrong[65::2].any()
    assert readers.training_tokens("correct", store) is store.tokens


def test_a_vocabulary_whose_dtype_would_not_be_guessed_is_refused_to_the_wrong_reader(tmp_path):
    writer = TokenWriter(tmp_path / "x.tokens", 65_537, "0" * 64, "test")
    writer.append([1, 65_536])
    store = writer.finish()
    with pytest.raises(TextError, match="as_published expects a vocabulary of at most 65,536"):
        readers.training_tokens("as_published", store)
    assert readers.training_tokens("correct", store).tolist() == [1, 65_536]


def test_known_losses_come_back_with_their_paired_changes(compared):
    measured, _ = compared
    ours = measured["model"]
    assert ours["val_loss.crown"].value == pytest.approx(2.9, abs=0.01)
    change = ours["ppl_change.crown"]
    assert change.value == pytest.approx(100 * np.expm1(-0.1), abs=1e-6)
    assert change.high - change.low < 1e-6, "the same noise must cancel"
    control = measured["shuffled_depth_roles"]
    assert control["ppl_change.crown"].value == pytest.approx(100 * np.expm1(-0.05))
    assert ours["lws_spread"].value == pytest.approx(0, abs=1e-6)
    assert ours["data_efficiency.crown"].value == pytest.approx(1 / 0.95, rel=1e-6)
    assert ours["ppl_change.bowtie"].value == pytest.approx(100 * np.expm1(-0.03))
    assert ours["isotropic_change.crown"].value == pytest.approx(100 * np.expm1(-0.1))
    with_12l = {subject for subject, found in measured.items() if "ppl_change.vanilla_12l" in found}
    assert with_12l == {"model"}
    assert set().union(*measured.values()) == set(comparison.KEYS)


def test_ranks_share_the_draws_of_seeds_and_documents(compared):
    _, table = compared
    ranks = table.query("reader == 'correct' and control == ''").set_index("variant")["rank"]
    ends = table.query("reader == 'correct' and control == ''").set_index("variant")
    assert ranks["crown"] < ranks["baseline_18l"]
    assert ends.loc["crown", "rank_high"] < ends.loc["baseline_18l", "rank_low"], "paired draws"
    assert ranks.dropna().between(1, len(VARIANTS)).all()
    assert len(table) == len(VARIANTS) + 6
    assert (table["real_loss_low"] <= table["real_loss"]).all()


def test_zeros_and_gains_are_measured_with_their_nulls(compared):
    measured, _ = compared
    ours, untrained = measured["model"], measured["random_initialisation"]
    assert ours["zero_over_real"].value == pytest.approx(0.01 / 3.2, rel=0.01)
    assert ours["reported_over_real"].value == pytest.approx(0.518, abs=0.001)
    assert untrained["reported_over_real"].value == pytest.approx(1)
    assert ours["largest_gain_move"] == (0, 0, 0)
    assert measured["fp32_master"]["largest_gain_move"].value == 0.1


def test_one_seed_gives_no_spread_of_seeds(results, settings):
    single = [each for each in results if each["seed"] == 0]
    main = resampling.main_results(single, settings.lws_train)
    measured = comparison.measured(single, main, resampling.Resampling.of(main, 200, 0))
    assert (
        not {"val_ppl_sd.baseline_18l", "data_efficiency.crown", "lws_spread"}
        & measured["model"].keys()
    )


def test_each_variant_has_its_own_control_over_the_seeds_of_both(results, settings):
    gone = ("framed", 1), ("reverse", 0), ("reverse", 1)
    some = [
        r for r in results if (r["variant"], r["seed"]) not in gone or not r["shuffled_depth_roles"]
    ]
    main = resampling.main_results(some, settings.lws_train)
    measured = comparison.measured(some, main, resampling.Resampling.of(main, 200, 0))
    for subject in ("shuffled_depth_roles", "model_minus_shuffled_depth_roles"):
        found = set(measured[subject])
        assert found == {f"ppl_change.{name}" for name in ("crown", "vanilla_18l", "framed")}
    assert comparison.seed_counts(main) == dict.fromkeys([*VARIANTS, "bowtie"], 2)


def test_published_savings_are_those_of_the_digitised_curves():
    of = {
        name: rows[["positions_billion", "perplexity"]].to_numpy().tolist()
        for name, rows in published.curves().groupby("variant")
    }
    (claim,) = (each for each in load_ledger() if each.id == "B-SAVED")
    for check, name in zip(
        claim.checks, ("crown", "reverse", "vanilla_18l", "framed"), strict=True
    ):
        saved = comparison.tokens_saved(of[name], of["baseline_18l"])
        assert check.published == pytest.approx(saved, abs=0.01), name


def test_the_sweep_names_the_rate_of_the_lowest_loss(results):
    assert comparison.rate_table(results).empty
    swept = [
        result("baseline_18l", "correct", 0, loss)
        | {"group": f"rate_{rate}", "learning_rate": rate}
        for rate, loss in ((1e-3, 3.2), (2e-3, 3.1), (4e-3, 3.3))
    ]
    table = comparison.rate_table(results + swept)
    assert table.loc[table["lowest"], "learning_rate"].tolist() == [2e-3]


def test_runs_that_do_not_compare_are_no_comparison(results, settings):
    assert resampling.main_results(results[:1], settings.lws_train) == results[:1]
    with pytest.raises(RunError, match="run 21_lws_train.py first"):
        resampling.main_results(results[-2:], settings.lws_train)


def test_plan_keeps_priority_and_names_are_unique(settings):
    runs = list(planned(settings.lws_train))
    assert len({run.name for run in runs}) == len(runs)
    assert [run.group.name for run in runs] == sorted(
        (run.group.name for run in runs), key=[g.name for g in settings.lws_train.groups].index
    )


def test_control_has_the_variants_layers_in_another_order(settings):
    group = next(group for group in settings.lws_train.groups if group.shuffled_depth_roles)
    geometry = proportional(group.d_model, 512)
    shapes = Run(group, "crown", "correct", 0).shapes(geometry)
    assert shapes != layer_shapes("crown", geometry)
    assert sorted(shapes) == sorted(layer_shapes("crown", geometry))


def test_price_has_a_line_a_group_and_a_sum(settings):
    lines = price(settings).splitlines()
    flops = [float(line.split(": ")[1].split()[0]) for line in lines]
    assert len(lines) == len(settings.lws_train.groups) + 1 and "dollars" in lines[-1]
    assert sum(flops[:-1]) == pytest.approx(flops[-1], rel=0.01)


def test_speeds_are_the_faster_compiler_settings():
    table = pd.DataFrame(
        {
            "variant": np.repeat(list(VARIANTS), 4),
            "compiled": [False, False, True, True] * len(VARIANTS),
            "positions_per_second": [90.0, 110.0, 190.0, 210.0] * len(VARIANTS),
        }
    )
    measured = throughput.speeds(table)
    assert measured["positions_per_second.crown"].value == 200
    assert measured["speed_ratio.crown"] == (1, 1, 1)
    assert measured.keys() == set(throughput.KEYS)


def test_a_kept_model_comes_back_and_a_damaged_one_is_refused(tmp_path):
    model = build("crown", proportional(24, 61), 16)
    folder = tmp_path / "run"
    kept = {"weights_sha256": trained.keep(model, folder)}
    assert trained.keep(model, folder) == kept["weights_sha256"]
    ids = torch.arange(8)[None]
    assert torch.equal(trained.load(kept, folder)(ids).logits, model.eval()(ids).logits)
    with pytest.raises(TrainingError, match="expected sha256 0+, found"):
        trained.load({"weights_sha256": "0" * 64}, folder)
    with pytest.raises(TrainingError, match=r"Run 21_lws_train.py"):
        trained.load(kept, tmp_path / "other")


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "WORK", tmp_path / "work")
    documents = [np.arange(start, start + 40) % 61 for start in range(4)]
    stores = (stored(tmp_path / f"{name}.tokens", documents) for name in "ab")
    return Corpus(*stores, None, {})


@pytest.fixture
def section(settings):
    """Three steps of a micro model, with a checkpoint after each."""
    changes = {"sequence_length": 16, "batch_tokens": 32, "checkpoint_every": 1}
    first = settings.lws_train.groups[0].model_copy(update={"steps": 3, "d_model": 24})
    loop = settings.lws_train.loop.model_copy(update=changes)
    return settings.lws_train.model_copy(
        update={"loop": loop, "groups": (first,), "validation_documents": 2}
    )


def test_a_killed_run_goes_on_and_a_finished_one_stays(section, corpus, tmp_path, monkeypatch):
    run, folder = next(planned(section)), tmp_path / "models"
    steps, batch = [], Sequences.batch

    def seen(data, step, size):
        steps.append(step)
        if steps == [0, 1, 2]:
            raise KeyboardInterrupt
        return batch(data, step, size)

    def executed(results):
        execute(run, section, corpus, World(0, 1, torch.device("cpu")), tmp_path / results, folder)
        return (tmp_path / results / f"{run.name}.json").read_bytes()

    whole = executed("whole")
    monkeypatch.setattr(Sequences, "batch", seen)
    with pytest.raises(KeyboardInterrupt):
        executed("killed")
    assert executed("killed") == whole and steps == [0, 1, 2, 2]
    work = work_of(run, section, corpus)
    assert finished(run, work, folder) == json.loads(whole) and not work.folder.exists()
    (folder / run.name / trained.WEIGHTS).unlink()
    assert finished(run, work, folder) is None, "its model is lost"


def test_a_finished_run_is_of_its_parameters_and_tokens(section, corpus):
    def key(corpus=corpus, **changes):
        group = section.groups[0].model_copy(update=changes)
        return work_of(Run(group, "crown", "correct", 0), section, corpus).key

    assert key(seeds=(0, 1, 2)) == key(), "another run does not count"
    other = replace(corpus.train, header=corpus.train.header | {"crc32": 1})
    assert len({key(), key(steps=4), key(d_model=48), key(corpus._replace(train=other))}) == 4


def test_speeds_of_variants_that_were_not_reached_are_left_out():
    table = pd.DataFrame(
        {"variant": ["crown"] * 2, "compiled": True, "positions_per_second": [190.0, 210.0]}
    )
    measured = throughput.speeds(table)
    assert measured.keys() == {"positions_per_second.crown"}
    assert measured["positions_per_second.crown"].value == 200


def test_bowtie_is_crown_turned_over():
    ours, crown = (layer_shapes(name) for name in ("bowtie", "crown"))
    assert "bowtie" not in VARIANTS and ours[0] == crown[0] and ours[-1] == crown[-1]
    assert ours[1].ffn_width > ours[8].ffn_width < ours[-2].ffn_width
    assert ours[8].query_heads < crown[8].query_heads
