"""Paper C's experiments on inputs whose answer is known."""

import re
import runpy
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import by_hand
from hypothesis import given
from hypothesis import strategies as st

from strata import params, paths, pipeline, schedules
from strata.execution import scheduled, speed
from strata.painters import (
    cost,
    drift,
    generation,
    loops,
    scores,
    similarity,
    similarity_classes,
    single_layer,
    variants,
)
from strata.painters.generation import Continuation
from strata.schedules import ScheduleError, layer_executions
from strata.statistics import normalised_median
from strata.tasks import BENCHMARKS
from strata.text import TokenBatch

LAPTOP = params.read(paths.PARAMS)
TASKS = ("arc_easy", "hellaswag", "winogrande")
HEIGHT = {
    "middle_repeat": 0.0,
    "skip": 0.2,
    "parallel": 0.4,
    "reverse": 0.5,
    "random_order": 0.6,
    "looped_parallel": 0.7,
}


def with_accuracy(name, task, accuracy, items=200):
    correct = (np.arange(items) < round(accuracy * items)).astype(float)
    facts = {"schedule": name, "task": task, "guess": BENCHMARKS[task].guess}
    return pd.DataFrame(facts | {"item": np.arange(items), "acc": correct})


@pytest.fixture(scope="module")
def section():
    return LAPTOP.painters_variants.model_copy(update={"resamples": 300})


def variant_items(made):
    """Every variant keeps HEIGHT of what the full model (accuracy 0.9) has above guessing."""
    parts = []
    for case in made:
        for task in TASKS:
            guess = BENCHMARKS[task].guess
            kept = 1 if case.affected <= 1 else HEIGHT[case.variant]
            parts.append(with_accuracy(case.name, task, guess + kept * (0.9 - guess)))
    return pd.concat(parts)


def test_variants_recover_a_known_order(section):
    made = variants.cases(30, section)
    items = variant_items(made)
    found = variants.curves(items, made, variants.full_accuracy(items, section), section)
    judged = variants.measurements(found)
    for variant, height in HEIGHT.items():
        assert judged[f"quarter.{variant}"].value == pytest.approx(height, abs=0.02)
    assert judged["middle_repeat_rank"] == (1, 1, 1)
    assert judged["looped_and_random_among_best_two"] == (2, 2, 2)
    assert judged["area.skip_minus_middle_repeat"].low > 0.1
    assert judged["looped_minus_parallel_one_layer"].value == pytest.approx(0)
    assert judged["semantic_minus_reasoning"].low < 0 < judged["semantic_minus_reasoning"].high


def test_task_that_the_full_model_guesses_is_left_out(section):
    made = variants.cases(30, section.model_copy(update={"affected": [3, 7]}))
    items = variant_items(made)
    guessed = [with_accuracy(case.name, "winogrande", 0.52) for case in made]
    items = pd.concat([items[items["task"] != "winogrande"], *guessed])
    chosen = section.model_copy(update={"affected": [3, 7]})
    full = variants.full_accuracy(items, chosen)
    guess = scores.guesses(items)
    assert scores.left_out(guess, full) == ["winogrande"]
    assert scores.left_out({"winogrande": 0.5}, full[[list(guess).index("winogrande")]]) == []
    judged = variants.measurements(variants.curves(items, made, full, chosen))
    assert judged["quarter.skip"].value == pytest.approx(HEIGHT["skip"], abs=0.02)
    assert judged["semantic_minus_reasoning"].value == pytest.approx(0, abs=0.02)
    assert "looped_minus_parallel_one_layer" not in judged


def test_orders_that_are_a_sample_widen_the_interval_and_all_orders_do_not():
    several = np.repeat(np.array([0.2, 0.4, 0.6])[:, None, None], 401, axis=-1)
    drawn = lambda M: variants.over_orders(several, M, np.random.default_rng(0))[0]
    assert drawn(3).std() > 0  # three of six orders
    assert drawn(3)[0] == pytest.approx(0.4)
    both = np.repeat(np.array([0.0, 1.0])[:, None, None], 401, axis=-1)
    assert variants.over_orders(both, 2, np.random.default_rng(0)).std() == 0  # both orders
    assert variants.over_orders(several[:1], 7, np.random.default_rng(0)).std() == 0


def test_acc_norm_stands_in_where_a_task_has_it():
    items = pd.DataFrame({"acc": [1.0, 0.0, 1.0], "acc_norm": [0.0, 1.0, np.nan]})
    assert variants.by_acc_norm(items)["acc"].tolist() == [0, 1, 1]
    assert variants.by_acc_norm(items[["acc"]])["acc"].tolist() == [1, 0, 1]


def test_cases_count_all_orders_when_there_are_few(section):
    made = variants.cases(30, section.model_copy(update={"affected": [1, 3, 5], "orders": 10}))
    orders = [case.affected for case in made if case.variant == "random_order"]
    assert [orders.count(M) for M in (1, 3, 5)] == [1, 6, 10]
    assert len({case.name for case in made}) == len(made)


def test_arithmetic_noise_is_found(section):
    made = variants.cases(30, section)[:2]
    items = variant_items(made)
    other = items.copy()
    assert variants.noise(items, other)["items_changed"] == 0
    other.loc[(other["item"] == 0), "acc"] = 0
    measured = variants.noise(items, other)
    assert measured["items_changed"] == pytest.approx(1 / 200)
    assert measured["accuracy_difference_largest"] == pytest.approx(1 / 200)


def test_released_number_is_measured_only_on_its_own_model(section):
    assert variants.released(pd.DataFrame(), {"repository": "x/y"}, section) == {
        "lambada.skip_s14.perplexity": {},
        "lambada.skip_s14.accuracy": {},
    }
    item = with_accuracy("skip.M3.0", "lambada_openai", 0.5).assign(perplexity=-np.log(3.5))
    found = variants.released(item, {"repository": variants.RELEASED_MODEL}, section)
    assert found["lambada.skip_s14.perplexity"]["model"].value == pytest.approx(3.5)
    assert found["lambada.skip_s14.accuracy"]["model"].value == 0.5


def test_guessing_is_zero_and_the_full_model_one():
    guess, full = np.array([0.25, 0.5, 0.0]), np.array([0.8, 0.9, 0.6])
    assert normalised_median(guess[:, None], guess, full[:, None]) == 0
    assert normalised_median(full[:, None], guess, full[:, None]) == 1
    assert np.isfinite(normalised_median(guess[:, None], guess, guess[:, None]))


def test_bootstrap_draws_share_items_across_schedules():
    items = pd.concat([with_accuracy("a", "arc_easy", 0.3), with_accuracy("b", "arc_easy", 0.3)])
    _, accuracy = scores.accuracies(items, ["a", "b"], resamples=50, seed=0)
    assert accuracy[0, 0, 0] == 0.3
    assert np.array_equal(accuracy[0, 0], accuracy[0, 1]) and accuracy[0, 0, 1:].std() > 0


@given(st.floats(0, 1), st.lists(st.integers(1, 40), min_size=2, max_size=6, unique=True))
def test_area_of_a_level_curve_is_its_height(height, points):
    assert scores.area(sorted(points), np.full((len(points), 3), height)) == pytest.approx(height)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_line_is_recovered(slope, offset):
    x = np.array([1.0, 3, 7, 11])
    found, r_squared = loops.line(x, (offset + slope * x)[:, None])
    assert found == pytest.approx(slope, abs=1e-9)
    if abs(slope) > 1e-3:
        assert r_squared == pytest.approx(1)


def test_best_number_of_passes_grows_with_the_block():
    affected = [1, 3, 7, 11, 27, 29]
    section = LAPTOP.painters_loops.model_copy(update={"resamples": 100, "affected": affected})
    ideal = {1: 2, 3: 3, 7: 5, 11: 7, 27: 1, 29: 1}  # the last two are the paper's exceptions
    parts = [with_accuracy("full", task, 0.9) for task in TASKS]
    for M in section.affected:
        for passes in range(1, section.most_loops + 1):
            accuracy = 0.85 - 0.03 * abs(passes - ideal[M])
            parts += [with_accuracy(f"M{M}.{passes}", task, accuracy) for task in TASKS]
    items = pd.concat(parts)
    full = loops.full_accuracy(items, section)
    _, best, judged = loops.analyse(items, full, 30, section)
    assert best["value"].tolist() == list(ideal.values())
    assert judged["slope"].value == pytest.approx(0.5) and judged["r_squared"].value > 0.99


def test_a_line_needs_two_blocks_that_follow_it():
    section = LAPTOP.painters_loops.model_copy(update={"affected": [7, 27, 29]})
    with pytest.raises(ScheduleError, match=r"at most 25, found \[7\]; name at least two"):
        loops.cases(30, section)


def test_single_layer_regions():
    section = LAPTOP.painters_single_layer.model_copy(update={"resamples": 100})
    parts = []
    for name in single_layer.cases(12):
        _, _, layer = name.partition(".")
        accuracy = 0.2 if layer in ("0", "1") else 0.8
        parts.append(with_accuracy(name, "lambada_openai", accuracy))
    table, judged = single_layer.analyse(pd.concat(parts), 12, section)
    assert judged["skip.first_minus_middle"].value == pytest.approx(0.6)
    assert judged["swap.last_minus_middle"].value == pytest.approx(0)
    assert judged["skip.middle_kept"].value == pytest.approx(1)
    assert judged["skip.middle_layers_kept"].value == 1
    assert len(table) == 12 + 11 and set(table["full"]) == {0.8}


def test_similarity_measures_against_numpy():
    torch.manual_seed(0)
    mask = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    batch = TokenBatch([0, 1, 2], mask, mask)
    states = torch.randn(4, 3, 5, 7)
    states[2] = 3 * states[1]
    found = similarity.similarities([states], [batch])
    flat = states.flatten(2).numpy()
    expected = [
        np.dot(flat[0, i], flat[3, i]) / np.linalg.norm(flat[0, i]) / np.linalg.norm(flat[3, i])
        for i in range(3)
    ]
    np.testing.assert_allclose(found["released"][:, 0, 3], expected, rtol=1e-5)
    one = torch.nn.functional.cosine_similarity(states[0, 1, 1:3], states[3, 1, 1:3], dim=-1)
    np.testing.assert_allclose(found["without_first_token"][1, 0, 3], one.mean(), rtol=1e-5)
    for measure in similarity.MEASURES:
        np.testing.assert_allclose(found[measure][:, 1, 2], 1, rtol=1e-4)
        np.testing.assert_allclose(found[measure][:, 0, 0], 1, rtol=1e-4)
        assert found[measure].shape == (3, 4, 4)


def test_cka_ignores_rotation_scale_and_shift():
    torch.manual_seed(0)
    x = torch.randn(1, 40, 6)
    rotation, _ = torch.linalg.qr(torch.randn(6, 6))
    tokens = torch.cat([x, 5 * x @ rotation + 2, torch.randn(1, 40, 6)])
    values = similarity._cka_pseudo_values(list(tokens.split(10, dim=1))).mean(axis=0)
    assert values[0, 1] == pytest.approx(1, abs=1e-4) and values[0, 2] < 0.5


def test_norms_leave_padding_out():
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    states = torch.ones(2, 2, 3, 4)
    states[:, :, 0] *= 10
    states[:, 0, 2] *= 99
    first, others = similarity.norms([states], [TokenBatch([0, 1], mask, mask)])
    table = similarity.norm_table(first, others)
    assert table["first_token"].tolist() == [20, 20] and table["others"].tolist() == [2, 2]


@given(st.data())
def test_classes_are_found_where_they_are(data):
    sizes = data.draw(
        st.lists(st.integers(1, 5), min_size=3, max_size=3).filter(lambda s: sum(s) > 3)
    )
    owner = np.repeat(range(3), sizes)
    noise = data.draw(st.integers(0, 99))
    values = np.where(owner[:, None] == owner, 0.9, 0.2)
    values = values + np.random.default_rng(noise).uniform(-0.05, 0.05, (6, *values.shape))
    values = (values + values.transpose(0, 2, 1)) / 2
    found = similarity_classes.classes(values, resamples=50, seed=0)
    assert (found["beginning"].value, found["ending"].value) == (sizes[0], sizes[2])


def test_the_best_cut_is_the_best_of_all():
    maps = np.random.default_rng(0).uniform(size=(3, 7, 7))
    maps = (maps + maps.transpose(0, 2, 1)) / 2
    for one, (first, second) in zip(maps, similarity_classes.three_runs(maps), strict=True):
        assert (first, second) == max(
            ((a, b) for a in range(1, 7) for b in range(a + 1, 7)), key=lambda cut: apart(one, *cut)
        )


def apart(one, first, second):
    owner = (np.arange(7) >= first).astype(int) + (np.arange(7) >= second)
    same = owner[:, None] == owner
    return one[same & ~np.eye(7, dtype=bool)].mean() - one[~same].mean()


def test_the_sink_begins_where_the_first_token_is_massive():
    first = np.array([[2.0] * 9, [9.0] * 9, [30.0] * 9])
    others = np.full((3, 9), 2.0)
    assert similarity_classes.sink_onset(first, others, 50, 0) == (2, 2, 2)
    assert similarity_classes.sink_onset(first / 9, others, 50, 0) is None
    values = np.ones((9, 6, 6)) * np.arange(9)[:, None, None]
    assert similarity_classes.after_onset(values, 2, 50, 0).value == pytest.approx(4)


def test_without_the_sink_states_share_only_the_rest():
    mask = torch.ones(1, 2, dtype=torch.long)
    states = torch.tensor([[[[9.0, 0, 0], [5.0, 1, 0]]], [[[9.0, 0, 0], [5.0, 0, 1]]]])
    found = similarity.similarities([states], [TokenBatch([0], mask, mask)])
    assert found["without_first_token"][0, 0, 1] > 0.9
    assert found["sink_removed"][0, 0, 1] == pytest.approx(0)


def test_drift_against_states_computed_without_the_sweep(model, batch):
    T, s = 6, 1
    edits = {name: make(T, s) for name, make in DRIFTING.items()}
    found = drift.drift(model, [batch], edits)
    run = lambda: model(input_ids=batch.ids_BxL, attention_mask=batch.mask_BxL, use_cache=False)
    full = by_hand(model, schedules.full(T), run)
    inner = batch.mask_BxL.bool().clone()
    inner[:, 0] = False
    for name, schedule in edits.items():
        last = by_hand(model, schedule, run)
        cosine = torch.nn.functional.cosine_similarity(last, full, dim=-1)
        for row, values in enumerate(found[name][:, -1]):
            own = [each[row][inner[row]] for each in (cosine, last, full)]
            expected = [own[0].mean(), *(each.var(dim=-1, correction=0).mean() for each in own[1:])]
            np.testing.assert_allclose(values, expected, rtol=1e-4)
        assert np.allclose(found[name][:, : s + 2, 0], 1)  # the head is the full model's


DRIFTING = {"skip": schedules.skip, "middle_repeat": schedules.middle_repeat}


def test_states_are_compared_at_their_own_depth():
    assert drift.depths(schedules.skip(6, 1)) == [0, 1, 2, 6]
    assert drift.depths(schedules.reverse(6, 1)) == list(range(7))
    assert drift.depths(schedules.parallel(6, 1)) == [0, 1, 2, 5, 6]
    assert drift.start(32) == 13 and drift.start(30) == 12


@pytest.mark.parametrize("variant", ["parallel", "looped"])
def test_only_the_faithful_cache_is_one_pass(model, variant):
    schedule = schedules.parallel(6, 0, loops=3 if variant == "looped" else 1)
    prompt = torch.randint(1, 61, (3, 7), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(prompt)
    mask[0, :3] = 0
    shares = {}
    for kv in ("per_visit", "averaged"):
        with scheduled(model, schedule, kv):
            out = model.generate(
                prompt, attention_mask=mask, max_new_tokens=12, do_sample=False, pad_token_id=0
            )
            made = Continuation(out, mask, padding=0)
            shares[kv] = generation.one_pass_agreement(SimpleNamespace(model=model), made)
    assert shares["per_visit"] == [1, 1, 1] and min(shares["averaged"]) < 1


def test_agreement_counts_up_to_the_end_of_each_row():
    mask = torch.ones(2, 1)
    one = Continuation(torch.tensor([[9, 1, 2, 0, 0], [9, 1, 2, 3, 4]]), mask, padding=0)
    two = Continuation(torch.tensor([[9, 1, 5, 0, 0], [9, 1, 2, 3, 0]]), mask, padding=0)
    assert generation.agreement([one], [one]) == [1, 1]
    assert generation.agreement([one], [two]) == [0.5, 0.75]


@pytest.mark.parametrize("stage", ["single_layer", "generation", "glue", "fidelity"])
def test_dry_run_prices_this_machine_and_writes_nothing(stage, settings, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "RESULTS", tmp_path)
    monkeypatch.setattr(cost, "PROBE_SECONDS", 0.1)
    script = pipeline.script(f"painters_{stage}")
    price = runpy.run_path(str(script), run_name="imported")["price"](settings)
    assert "TFLOP" not in price and re.search(r"time +about \d+\.\d minutes, nulls included", price)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def passes(monkeypatch):
    """Lets seconds pass, as the clock has it."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_a_speed_is_found_whatever_a_sweep_costs_once(passes):
    cost_of = lambda plan: 2 * layer_executions(plan) + 5 * len(plan)
    found = speed(lambda plan: passes(70 + cost_of(plan)), 6)
    assert found == pytest.approx((2, 5))
    plan = [schedules.full(6), schedules.reverse(6, 1)]
    assert found.seconds(plan) == pytest.approx(cost_of(plan))


def test_a_probe_takes_as_many_units_as_its_time_allows(passes):
    assert [cost.affordable(passes, 100, budget) for budget in (0, 1.9, 8, 1000)] == [1, 1, 8, 100]


def test_a_price_counts_the_nulls_own_items():
    tasks = {"a": SimpleNamespace(eval_docs=range(50)), "b": SimpleNamespace(eval_docs=range(5))}
    assert cost.with_nulls(tasks, {"a": 20, "b": 20}, 6) == {"a": 32, "b": 15}
