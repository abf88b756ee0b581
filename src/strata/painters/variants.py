"""Paper C's variants over the number of affected layers (Figs 4-9 and 11), and their order."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from strata import schedules
from strata.evidence import Measurements
from strata.painters.catalogue import PUBLISHED, VARIANTS
from strata.painters.params import VariantChoice, VariantParams
from strata.painters.scores import (
    accuracies,
    area,
    curve_table,
    expanded,
    guesses,
    informative,
    medians,
)
from strata.records import Estimate
from strata.schedules import Schedule
from strata.statistics import Floats, estimate, normalised, seed_weights

RELEASED_MODEL = "meta-llama/Llama-2-7b-hf"
FULL = "full"
SEMANTIC = ("hellaswag", "winogrande")
REASONING = ("arc_easy", "arc_challenge")
ORDERS = ("reverse", "random_order")
SKIP_AND_PARALLEL = ("skip", "parallel")
OPTIONAL = ("looped_minus_parallel_one_layer", "semantic_minus_reasoning")
BETTER_WORSE = (
    ("skip", "middle_repeat"),
    ("reverse", "skip"),
    ("random_order", "skip"),
    ("random_order", "reverse"),
    ("parallel", "skip"),
    ("reverse", "parallel"),
    ("looped_parallel", "parallel"),
)


class Case(NamedTuple):
    """A variant with M affected layers; `replica` numbers the random orders."""

    variant: str
    affected: int
    replica: int
    schedule: Schedule

    @property
    def name(self) -> str:
        return f"{self.variant}.M{self.affected}.{self.replica}"


def cases(T: int, params: VariantChoice) -> list[Case]:
    """The full model, then every variant at every number of affected layers.

    Raises:
        ScheduleError: a number of affected layers that a model of T layers cannot have.
    """
    made = [Case(FULL, 0, 0, schedules.full(T))]
    drawn_last = sorted(VARIANTS, key=lambda name: VARIANTS[name].drawn)
    return made + [
        Case(name, M, replica, schedule)
        for M in params.affected
        for name in drawn_last
        for replica, schedule in enumerate(
            VARIANTS[name].schedules(T, schedules.start_for(T, M), params)
        )
    ]


class Curves(NamedTuple):
    """Bootstrapped curves of one subject.

    tasks; affected (points); score (tasks, variants, points, 1 + B): with guessing at 0 and the
    trained full model at 1; median (variants, points, 1 + B); accuracy as score, not normalised;
    informative: places of the tasks that median and measurements are of.
    """

    tasks: list[str]
    informative: list[int]
    affected: list[int]
    score: Floats
    median: Floats
    accuracy: Floats


def full_accuracy(items: pd.DataFrame, params: VariantParams) -> Floats:
    """The full model's accuracy in each task: (tasks, 1, 1 + B)."""
    return accuracies(items, [f"{FULL}.M0.0"], params.resamples, params.seed)[1]


def curves(
    items: pd.DataFrame, made: Sequence[Case], full: Floats, params: VariantParams
) -> Curves:
    """Curves over the affected layers; random orders are averaged, as `over_orders`.

    Args:
        full: what is 1; the trained model's own, or its value (tasks, 1, 1) for a null model.
    """
    tasks, accuracy = accuracies(items, [case.name for case in made], params.resamples, params.seed)
    by_schedule = np.moveaxis(accuracy, 1, 0)
    generator = np.random.default_rng(params.seed)
    grouped = [
        [over_orders(by_schedule[places(made, variant, M)], M, generator) for M in params.affected]
        for variant in VARIANTS
    ]
    by_task = np.moveaxis(np.array(grouped), 2, 0)  # tasks, variants, points, 1 + B
    per_task_full = full[:, None]
    guess = guesses(items)
    score = normalised(by_task, expanded(guess, by_task), per_task_full)
    median = medians(guess, by_task, per_task_full)
    kept = informative(guess, per_task_full)
    return Curves(tasks, kept, params.affected, score, median, by_task)


def over_orders(several: Floats, affected: int, generator: np.random.Generator) -> Floats:
    """Mean over the orders of a variant (K, ..., 1 + B); other variants have one schedule.

    Fewer than all M! orders are a sample: they are drawn anew in each resample, as items are.
    """
    count, draws = len(several), several.shape[-1] - 1
    if 1 < count < math.factorial(affected):
        weights = seed_weights(count, draws, generator).T
        several = several * weights.reshape(count, *[1] * (several.ndim - 2), 1 + draws)
    return several.mean(axis=0)


def by_acc_norm(items: pd.DataFrame) -> pd.DataFrame:
    """The same items, right by the likeliest answer for its length; as they are in tasks without
    that metric."""
    if "acc_norm" not in items:
        return items
    return items.assign(acc=items["acc_norm"].fillna(items["acc"]))


def tables(found: Curves) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row a variant and M: the normalised median; and accuracy for each task."""
    points = [(variant, M) for variant in VARIANTS for M in found.affected]
    variant, affected = zip(*points, strict=True)
    width = found.median.shape[-1]
    median = curve_table(found.median.reshape(-1, width), variant=variant, affected=affected)
    by_task = {
        task: curve_table(accuracy.reshape(-1, width), variant=variant, affected=affected)
        for task, accuracy in zip(found.tasks, found.accuracy, strict=True)
    }
    return median, pd.concat(by_task, names=["task"]).reset_index("task").reset_index(drop=True)


def measurements(found: Curves) -> dict[str, Estimate]:
    """Everything the ledger judges about one subject, with joint 95% intervals.

    Keys of OPTIONAL need one affected layer, or an informative task of either kind.
    """
    areas = dict(zip(VARIANTS, (area(found.affected, each) for each in found.median), strict=True))
    places = range(len(found.affected))
    quarter = min(places, key=lambda place: abs(found.affected[place] - 7))
    quarters = {f"quarter.{name}": found.median[i, quarter] for i, name in enumerate(VARIANTS)}
    measured = orderings(areas) | quarters | _optional(found)
    return {key: estimate(each) for key, each in measured.items()}


def all_tasks(found: Curves) -> dict[str, Estimate]:
    """The measurements that leaving tasks out touches, over all tasks: `all_tasks.<key>`."""
    every = list(range(len(found.tasks)))
    whole = found._replace(informative=every, median=np.median(found.score, axis=0))
    keys = ("quarter.skip", "semantic_minus_reasoning")
    return {f"all_tasks.{key}": e for key, e in measurements(whole).items() if key in keys}


def _optional(found: Curves) -> dict[str, Floats]:
    measured = {}
    if 1 in found.affected:
        looped, one_pass = (
            found.median[_place(variant), found.affected.index(1)]
            for variant in ("looped_parallel", "parallel")
        )
        measured["looped_minus_parallel_one_layer"] = looped - one_pass
    semantic, reasoning = (
        [i for i in found.informative if found.tasks[i] in kind] for kind in (SEMANTIC, REASONING)
    )
    if semantic and reasoning:
        for suffix, chosen in (("", ORDERS), (".skip_and_parallel", SKIP_AND_PARALLEL)):
            apart = _kept(found, semantic, chosen) - _kept(found, reasoning, chosen)
            measured[f"semantic_minus_reasoning{suffix}"] = apart
    return measured


def orderings(areas: Mapping[str, Floats]) -> dict[str, Floats]:
    """Areas of the variants (1 + B,), the differences that the paper speaks of, and places among
    the six that it compares. Of variants that were not run, nothing.
    """
    found = {f"area.{variant}": each for variant, each in areas.items()}
    found |= {
        f"area.{better}_minus_{worse}": areas[better] - areas[worse]
        for better, worse in BETTER_WORSE
        if {better, worse} <= areas.keys()
    }
    if not set(PUBLISHED) <= areas.keys():
        return found
    stacked = np.stack([areas[variant] for variant in PUBLISHED])
    ranks = stacked.argsort(axis=0).argsort(axis=0)  # 0 is the worst
    place = {variant: ranks[i] for i, variant in enumerate(PUBLISHED)}
    best_two = (place["looped_parallel"] >= len(PUBLISHED) - 2).astype(float)
    best_two += place["random_order"] >= len(PUBLISHED) - 2
    others = np.delete(stacked, PUBLISHED.index("middle_repeat"), axis=0)
    return found | {
        "middle_repeat_rank": place["middle_repeat"] + 1.0,
        "looped_parallel_rank": len(PUBLISHED) - place["looped_parallel"] + 0.0,
        "middle_repeat_gap": others.min(axis=0) - areas["middle_repeat"],
        "looped_and_random_among_best_two": best_two,
    }


def noise(items: pd.DataFrame, exact: pd.DataFrame) -> dict[str, float]:
    """What the arithmetic moves: the same items again in float32, all schedules and tasks.

    items_changed: share of items whose score differs; accuracy_difference: the largest difference
    of a mean over a schedule's items; nats: largest difference of a LAMBADA log-likelihood.
    """
    keys = ["schedule", "task", "item"]
    both = exact.merge(items, on=keys, suffixes=("", "_own"))
    change = both["acc"] - both["acc_own"]
    means = change.groupby([both["schedule"], both["task"]]).mean()
    result = {
        "items": len(both),
        "items_changed": float((change != 0).mean()),
        "accuracy_difference_mean": float(change.mean()),
        "accuracy_difference_largest": float(means.abs().max()),
    }
    if "perplexity" in both:
        result["nats_largest"] = float((both["perplexity"] - both["perplexity_own"]).abs().max())
    return result


def wide(items: pd.DataFrame, made: Sequence[Case]) -> pd.DataFrame:
    """One row a task and item: acc, and acc_norm where there is one, under every schedule."""
    metrics = [metric for metric in ("acc", "acc_norm") if metric in items]
    table = items.pivot(index=["task", "item"], columns="schedule", values=metrics)
    order = [(metric, case.name) for metric in metrics for case in made]
    table = table[order].convert_dtypes()
    table.columns = [f"{metric}:{name}" for metric, name in order]
    return table.reset_index()


def released(
    items: pd.DataFrame, provenance: Mapping[str, Any], params: VariantParams
) -> Measurements:
    """Llama-2-7B without layers 15 to 17 (s = 14) on LAMBADA; no subject for any other model."""
    if provenance.get("repository") != RELEASED_MODEL or 3 not in params.affected:
        return {f"lambada.skip_s14.{key}": {} for key in ("perplexity", "accuracy")}
    own = items[items["task"] == "lambada_openai"]
    accuracy, nats = (
        accuracies(own, ["skip.M3.0"], params.resamples, params.seed, metric)[1][0, 0]
        for metric in ("acc", "perplexity")
    )
    return {
        "lambada.skip_s14.accuracy": {"model": estimate(accuracy)},
        "lambada.skip_s14.perplexity": {"model": estimate(np.exp(-nats))},
    }


def _kept(found: Curves, tasks: Sequence[int], chosen: Sequence[str]) -> Floats:
    """Score of some tasks, averaged over variants and affected layers: (1 + B,)."""
    orders = [_place(variant) for variant in chosen]
    more_than_one = [i for i, M in enumerate(found.affected) if M > 1]
    return found.score[np.ix_(tasks, orders, more_than_one)].mean(axis=(0, 1, 2))


def _place(variant: str) -> int:
    return list(VARIANTS).index(variant)


def places(made: Sequence[Case], variant: str, M: int) -> list[int]:
    """Where the cases of a variant with M affected layers are."""
    return [i for i, case in enumerate(made) if case.variant == variant and case.affected == M]
