"""From items to curves: accuracies bootstrapped over items, the same resamples for every schedule.

Arrays end in an axis of 1 + B: the value itself, then B bootstrap draws.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from strata.records import Estimate
from strata.statistics import (
    HEADROOM,
    Floats,
    estimate,
    never_or_always,
    normalised_median,
    resampling_weights,
)


def accuracies(
    items: pd.DataFrame, names: Sequence[str], resamples: int, seed: int, metric: str = "acc"
) -> tuple[list[str], Floats]:
    """Tasks, and means over items (tasks, schedules, 1 + B), resampled within each task."""
    generator = np.random.default_rng(seed)
    tasks = list(items["task"].unique())
    means = []
    for task in tasks:
        own = items[items["task"] == task]
        values = own.pivot(index="schedule", columns="item", values=metric).loc[list(names)]
        count = values.shape[1]
        times = resampling_weights(count, resamples, generator)
        drawn = values.to_numpy() @ times.T / count  # exact for counts, so ties stay ties
        means.append(_with_wilson(drawn, count, generator) if metric == "acc" else drawn)
    return tasks, np.stack(means)


def _with_wilson(means: Floats, count: int, generator: np.random.Generator) -> Floats:
    """Accuracies of 0 or 1 with the spread of Wilson's interval: (schedules, 1 + B)."""
    for row in means:
        if row[0] in (0, 1):
            off = never_or_always(count, len(row) - 1, generator)
            row[1:] = abs(row[0] - off)
    return means


def above_guessing(guess: Mapping[str, float], full: Floats) -> dict[str, Estimate]:
    """Accuracy of the full model beyond guessing: of each task, and the median of those kept.

    Args:
        guess: as `guesses`; full: (tasks, 1, 1 + B).
    """
    beyond = (full - expanded(guess, full))[:, 0]
    kept = np.median(beyond[informative(guess, full)], axis=0)
    by_task = {
        f"above_guessing.{task}": estimate(each) for task, each in zip(guess, beyond, strict=True)
    }
    return {"above_guessing": estimate(kept)} | by_task


def informative(guess: Mapping[str, float], full: Floats) -> list[int]:
    """Places of the tasks that can show a loss: the full model is HEADROOM above guessing or more.

    Where the full model guesses, an edited one can lose nothing. All tasks if it guesses in all.

    Args:
        guess: as `guesses`; full: (tasks, 1, ..., 1 + B or 1).
    """
    value = full.reshape(len(guess), -1)[:, 0]
    above = value - expanded(guess, value) >= HEADROOM
    return np.flatnonzero(above).tolist() or list(range(len(guess)))


def left_out(guess: Mapping[str, float], full: Floats) -> list[str]:
    """The other tasks."""
    kept = informative(guess, full)
    return [task for i, task in enumerate(guess) if i not in kept]


def medians(guess: Mapping[str, float], accuracy: Floats, full: Floats) -> Floats:
    """The paper's normalised median over informative tasks: (..., 1 + B).

    Args:
        guess: as `guesses`; accuracy: (tasks, ..., 1 + B); full: what broadcasts to it.
    """
    kept = informative(guess, full)
    chance = np.array(list(guess.values()))
    return normalised_median(accuracy[kept], chance[kept], full[kept])


def expanded(guess: Mapping[str, float], accuracy: Floats) -> Floats:
    """Accuracy of guessing in the shape (tasks, 1, ..., 1) of an accuracy (tasks, ...)."""
    return np.array(list(guess.values())).reshape(-1, *[1] * (accuracy.ndim - 1))


def guesses(items: pd.DataFrame) -> dict[str, float]:
    """Accuracy of guessing in each task, in the order of the items."""
    return items.groupby("task", sort=False)["guess"].mean().to_dict()


def area(affected: Sequence[int], curve: Floats) -> Floats:
    """Mean height of a curve (points, 1 + B) over the number of affected layers: (1 + B,).

    Of one point it is its height.
    """
    if len(affected) == 1:
        return curve[0]
    return np.trapezoid(curve, affected, axis=0) / (affected[-1] - affected[0])


def curve_table(draws: Floats, **columns: Sequence[object]) -> pd.DataFrame:
    """One row a point: the columns, then value, low and high of draws (points, 1 + B)."""
    estimates = [estimate(row) for row in draws]
    return pd.DataFrame(columns | pd.DataFrame(estimates).to_dict("list"))
