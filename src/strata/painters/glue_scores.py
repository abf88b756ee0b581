"""From predictions to GLUE scores: intervals over items and seeds, the paper's plain average.

Every resample draws the same items, and the same seeds, for all cases, so differences are paired.
Arrays end in an axis of 1 + B: the value itself, then B bootstrap draws.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from strata.painters.catalogue import VARIANTS
from strata.painters.scores import area, curve_table
from strata.painters.variants import FULL, Case, orderings, places
from strata.records import Estimate
from strata.statistics import (
    HEADROOM,
    Floats,
    estimate,
    largest,
    normalised,
    seed_weights,
    spearman,
)
from strata.tasks.glue import GLUE, GlueData, Metric

RELEASED_MODEL = "google-bert/bert-large-uncased"
RELEASED_AFFECTED = 5  # s = 9 of 24 layers
BEATS_FULL = "looped_parallel_minus_full.best"


class Predictions(NamedTuple):
    """One task under one reading: the model's answers (cases, seeds, N) to labels_N."""

    labels_N: NDArray[Any]
    answers: NDArray[Any]


class Scores(NamedTuple):
    """One task: metric -> score (cases, 1 + B), and GLUE's score of the task, their mean."""

    metrics: dict[Metric, Floats]
    mean: Floats


def accuracy(labels: NDArray[Any], answers: NDArray[Any]) -> Floats:
    """Share of right answers along the last axis."""
    return (labels == answers).mean(axis=-1)


def f1(labels: NDArray[Any], answers: NDArray[Any]) -> Floats:
    """F1 of class 1 along the last axis; 0 where that class is neither there nor predicted."""
    both = ((labels == 1) & (answers == 1)).sum(axis=-1)
    total = (labels == 1).sum(axis=-1) + (answers == 1).sum(axis=-1)
    return 2 * both / np.maximum(total, 1)


def pearson(labels: NDArray[Any], answers: NDArray[Any]) -> Floats:
    """Correlation along the last axis; 0 where either side is constant."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        found = stats.pearsonr(labels, answers, axis=-1).statistic
    return np.nan_to_num(found)


METRICS = {
    "accuracy": accuracy,
    "f1": f1,
    "mcc": pearson,  # of two classes, Matthews' is Pearson's
    "pearson": pearson,
    "spearman": spearman,
}


def scores(task: str, found: Predictions, resamples: int, seed: int) -> Scores:
    """Scores of every case, averaged over seeds, resampled over items and seeds.

    Tasks share the draws of seeds; each has its own draws of items.
    """
    cases, seeds, count = found.answers.shape
    own = np.random.default_rng([seed, list(GLUE).index(task)])
    items_BxN = own.integers(count, size=(resamples, count))
    weights = seed_weights(seeds, resamples, seed).T / seeds  # seeds, 1 + B
    labels = found.labels_N.astype(float)
    metrics = {}
    for name in GLUE[task].metrics:
        measure = METRICS[name]
        whole = measure(labels, found.answers.astype(float))
        drawn = [
            measure(labels[items_BxN], answers[items_BxN])
            for answers in found.answers.astype(float).reshape(-1, count)
        ]
        values = np.concatenate(
            [whole[..., None], np.reshape(drawn, (cases, seeds, resamples))], axis=-1
        )
        metrics[name] = (values * weights).sum(axis=1)
    return Scores(metrics, np.mean(list(metrics.values()), axis=0))


def guess(task: str, data: GlueData) -> float:
    """Score of answering the commonest training label, or the mean score, to everything."""
    train = data.train.labels_N
    answer = train.mean() if GLUE[task].labels == 1 else np.bincount(train).argmax()
    labels = data.validation.labels_N.astype(float)
    answers = np.full(len(labels), float(answer))
    return float(np.mean([METRICS[name](labels, answers) for name in GLUE[task].metrics]))


def learned(scores: Mapping[str, Scores], data: Mapping[str, GlueData], full: int) -> list[str]:
    """Tasks that the full model, case `full`, does HEADROOM above guessing with its whole interval.

    All of them if it has learned none; then its average says so.
    """
    beyond = {
        task: estimate(each.mean[full] - guess(task, data[task])) for task, each in scores.items()
    }
    return [task for task, found in beyond.items() if found.low >= HEADROOM] or list(scores)


def beats_full(
    scores: Mapping[str, Scores], made: Sequence[Case], tasks: Sequence[str]
) -> dict[str, Estimate]:
    """Looped parallel minus the full model, at its best over tasks and affected layers (A.9)."""
    looped = [i for i, case in enumerate(made) if case.variant == "looped_parallel"]
    full = places(made, FULL, 0)
    if not looped:
        return {}
    apart = np.concatenate([scores[task].mean[looped] - scores[task].mean[full] for task in tasks])
    return {BEATS_FULL: largest(apart[:, 0], apart[:, 1:])}


class Curves(NamedTuple):
    """One subject and reading: variant -> score (points, 1 + B), random orders averaged."""

    affected: list[int]
    variants: dict[str, Floats]
    full: Floats


def curves(made: Sequence[Case], score: Floats) -> Curves:
    """Arrange the scores of cases (cases, 1 + B) by variant and affected layers."""
    points = sorted({case.affected for case in made} - {0})
    names = [variant for variant in VARIANTS if any(case.variant == variant for case in made)]
    arranged = {
        variant: np.stack([score[places(made, variant, M)].mean(axis=0) for M in points])
        for variant in names
    }
    return Curves(points, arranged, full=score[places(made, FULL, 0)[0]])


def table(found: Curves) -> pd.DataFrame:
    """A row a variant and M, the full model first: value, low, high."""
    rows = [(FULL, 0, found.full)]
    rows += [
        (variant, M, draws)
        for variant, curve in found.variants.items()
        for M, draws in zip(found.affected, curve, strict=True)
    ]
    variant, affected, draws = zip(*rows, strict=True)
    return curve_table(np.stack(draws), variant=variant, affected=affected)


def measurements(found: Curves, full: Floats, guessed: float, depth: int) -> dict[str, Estimate]:
    """Everything the ledger judges about one subject and reading.

    kept: of what the trained full model has above guessing, the share left with about a quarter
    of the layers affected, but more than one, since one layer alone cannot be out of order.

    Args:
        full: the trained full model's average score: the model's own (1 + B,), or its value (1,)
            for a null; guessed: the average score of guessing.
    """
    areas = {variant: area(found.affected, curve) for variant, curve in found.variants.items()}
    some = min((M for M in found.affected if M > 1), key=lambda M: abs(M - depth / 4))
    kept = {
        f"kept.{variant}": normalised(curve[found.affected.index(some)], guessed, full)
        for variant, curve in found.variants.items()
    }
    estimates = {key: estimate(each) for key, each in (orderings(areas) | kept).items()}
    return estimates | {"full_minus_guess": estimate(found.full - guessed)}


def every_key() -> list[str]:
    """The keys of `measurements` when every variant was run."""
    nothing = np.zeros(1)
    keys = orderings(dict.fromkeys(VARIANTS, nothing))
    kept = (f"kept.{variant}" for variant in VARIANTS)
    return [*keys, *kept, "full_minus_guess", BEATS_FULL]


def released(
    made: Sequence[Case], by_task: Mapping[str, Floats], provenance: Mapping[str, Any]
) -> Estimate | None:
    """BERT-Large on RTE without layers 10 to 14 (s = 9), fine-tuned; None for any other model."""
    wanted = places(made, "skip", RELEASED_AFFECTED)
    if provenance.get("repository") != RELEASED_MODEL or "rte" not in by_task or not wanted:
        return None
    return estimate(by_task["rte"][wanted[0]])
