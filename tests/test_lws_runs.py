"""Readers, comparison and speed on made-up runs whose answers are known."""

import numpy as np
import pandas as pd
import pytest
import torch

from strata import params, paths
from strata.claims import load_ledger
from strata.lws import build, comparison, readers, resampling, throughput, trained
from strata.lws.runs import Run, finished, planned
from strata.lws.scaling import VARIANTS, layer_shapes, proportional
from strata.lws.schedule import price
from strata.text import TextError
from strata.text.tokens import TokenWriter
from strata.training import TrainingError

DOCUMENTS = 30


@pytest.fixture(scope="module")
def settings():
    return params.read(paths.PARAMS)


@pytest.fixture
def store(tmp_path):
    writer = TokenWriter(tmp_path / "x.tokens", 61, "0" * 64, "test")
    for length in (20, 1, 5, 9):
        writer.append(range(1, length + 1))
    return writer.finish()


def result(variant, reader, seed, loss, control=False, gain=0.0, precision="fp32", zero=0.0):
    noise = np.random.default_rng(seed).normal(0, 0.01, DOCUMENTS)
    real = {"real_nll": list(16 * (loss + noise)), "real_tokens": [16] * DOCUMENTS}
    zeros = 15 if reader == "as_published" else 0
    losses = real | {"zero_nll": [zeros * zero] * DOCUMENTS, "zero_tokens": [zeros] * DOCUMENTS}
    untrained = losses | {
        "real_nll": [64.0] * DOCUMENTS,
        "zero_nll": [4.0 * zeros] * DOCUMENTS,
    }
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
        made.append(result("crown", "correct", seed, 2.95, control=True))
        made.append(result("baseline_18l", "as_published", seed, 3.2, zero=0.01))
    made.append(result("baseline_18l", "correct", 0, 5.0, precision="pure_bf16"))
    made.append(result("baseline_18l", "correct", 0, 5.0, gain=0.1, precision="bf16_autocast"))
    return made


@pytest.fixture
def judged(results, settings):
    main = resampling.main_results(results, settings.lws_train)
    sampling = resampling.Resampling.of(main, 500, 0)
    return comparison.measurements(results, main, sampling), comparison.table(main, sampling)


def test_both_readers_are_measured_on_the_same_real_tokens(store):
    right = readers.validation("correct", store, 3, 16)
    wrong = readers.validation("as_published", store, 3, 16)
    for row in range(3):
        shown = wrong.ids_NxL[row, 1:][wrong.real_NxL[row]].tolist()
        assert shown == [
            *right.ids_NxL[row, :1].tolist(),
            *right.ids_NxL[row, 1:][right.real_NxL[row]].tolist(),
        ]
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


def test_known_losses_come_back_with_their_paired_changes(judged):
    measured, _ = judged
    assert measured["val_loss.crown"]["model"].value == pytest.approx(2.9, abs=0.01)
    change = measured["ppl_change.crown"]
    assert change["model"].value == pytest.approx(100 * np.expm1(-0.1), abs=1e-6)
    assert change["model"].high - change["model"].low < 1e-6, "the same noise must cancel"
    assert change["shuffled_depth_roles"].value == pytest.approx(100 * np.expm1(-0.05))
    assert measured["lws_spread"]["model"].value == pytest.approx(0, abs=1e-6)
    assert measured["data_efficiency"]["model"].value == pytest.approx(1 / 0.95, rel=1e-6)
    assert measured["ppl_change.vanilla_12l"].keys() == {"model"}


def test_ranks_share_the_draws_of_seeds_and_documents(judged):
    _, table = judged
    ranks = table.query("reader == 'correct' and control == ''").set_index("variant")["rank"]
    ends = table.query("reader == 'correct' and control == ''").set_index("variant")
    assert ranks["crown"] < ranks["baseline_18l"]
    assert ends.loc["crown", "rank_high"] < ends.loc["baseline_18l", "rank_low"], "paired draws"
    assert ranks.between(1, len(ranks)).all()
    assert len(table) == len(VARIANTS) + 2
    assert (table["real_loss_low"] <= table["real_loss"]).all()


def test_zeros_and_gains_are_measured_with_their_nulls(judged):
    measured, _ = judged
    assert measured["zero_over_real"]["model"].value == pytest.approx(0.01 / 3.2, rel=0.01)
    assert measured["reported_over_real"]["model"].value == pytest.approx(0.518, abs=0.001)
    assert measured["reported_over_real"]["random_initialisation"].value == pytest.approx(1)
    assert measured["largest_gain_move"]["model"] == (0, 0, 0)
    assert measured["largest_gain_move"]["fp32_master"].value == 0.1


def test_one_seed_gives_no_spread_of_seeds(results, settings):
    single = [each for each in results if each["seed"] == 0]
    main = resampling.main_results(single, settings.lws_train)
    measured = comparison.measurements(single, main, resampling.Resampling.of(main, 200, 0))
    assert measured["val_ppl_sd.baseline_18l"] == measured["data_efficiency"] == {}


def test_every_key_of_the_ledger_is_there_even_when_little_was_run(results, settings):
    few = results[:1]
    measured = comparison.measurements(few, few, resampling.Resampling.of(few, 200, 0))
    keys = {
        check.evidence.key
        for claim in load_ledger(paths.CLAIMS)
        for check in claim.checks
        if check.evidence.file == "lws/compare.json"
    }
    assert keys <= measured.keys()


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


def test_speed_is_judged_on_a_table_and_empty_without_one():
    table = pd.DataFrame(
        {
            "variant": np.repeat(list(VARIANTS), 4),
            "compiled": [False, False, True, True] * len(VARIANTS),
            "positions_per_second": [90.0, 110.0, 190.0, 210.0] * len(VARIANTS),
        }
    )
    measured = throughput.measurements(table)
    assert measured["positions_per_second.crown"]["model"].value == 200
    assert measured["speed_ratio.crown"]["model"] == (1, 1, 1)
    assert throughput.measurements(None).keys() == measured.keys()
    assert not any(throughput.measurements(None).values())


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


def test_a_run_without_its_model_is_not_finished(settings, tmp_path):
    run = next(planned(settings.lws_train))
    (tmp_path / f"{run.name}.json").write_text('{"fingerprint": "x"}')
    assert not finished(run, "x", tmp_path, tmp_path)
    trained.keep(build("crown", proportional(24, 61), 16), tmp_path / "models" / run.name)
    assert finished(run, "x", tmp_path, tmp_path) and not finished(run, "y", tmp_path, tmp_path)


def test_speeds_of_variants_that_were_not_reached_are_left_out():
    table = pd.DataFrame(
        {"variant": ["crown"] * 2, "compiled": True, "positions_per_second": [190.0, 210.0]}
    )
    measured = throughput.measurements(table)
    assert measured["positions_per_second.crown"]["model"].value == 200
    assert not measured["positions_per_second.framed"] and not measured["speed_ratio.crown"]
    assert measured.keys() == throughput.measurements(None).keys()


def test_bowtie_is_crown_turned_over():
    ours, crown = (layer_shapes(name) for name in ("bowtie", "crown"))
    assert "bowtie" not in VARIANTS and ours[0] == crown[0] and ours[-1] == crown[-1]
    assert ours[1].ffn_width > ours[8].ffn_width < ours[-2].ffn_width
    assert ours[8].query_heads < crown[8].query_heads
