"""From items to curves: accuracies bootstrapped over items, the same resamples for every schedule.

Arrays end in an axis of 1 + B: the value itself, then B bootstrap draws.
"""

from collections.abc import Sequence

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
from strata.tasks import BENCHMARKS


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


def above_guessing(tasks: Sequence[str], full: Floats) -> dict[str, Estimate]:
    """Accuracy of the full model beyond guessing: of each task, and the median of those kept.

    Args:
        full: (tasks, 1, 1 + B).
    """
    beyond = full[:, 0] - guesses(tasks)[:, None]
    kept = np.median(beyond[informative(tasks, full)], axis=0)
    by_task = {
        f"above_guessing.{task}": estimate(each) for task, each in zip(tasks, beyond, strict=True)
    }
    return {"above_guessing": estimate(kept)} | by_task


def informative(tasks: Sequence[str], full: Floats) -> list[int]:
    """Places of the tasks that can show a loss: the full model is HEADROOM above guessing or more.

    Where the full model guesses, an edited one can lose nothing. All tasks if it guesses in all.

    Args:
        full: (tasks, 1, ..., 1 + B or 1).
    """
    value = full.reshape(len(tasks), -1)[:, 0]
    return np.flatnonzero(value - guesses(tasks) >= HEADROOM).tolist() or list(range(len(tasks)))


def left_out(tasks: Sequence[str], full: Floats) -> list[str]:
    """The other tasks."""
    kept = informative(tasks, full)
    return [task for i, task in enumerate(tasks) if i not in kept]


def medians(tasks: Sequence[str], accuracy: Floats, full: Floats) -> Floats:
    """The paper's normalised median over informative tasks: (..., 1 + B).

    Args:
        accuracy: (tasks, ..., 1 + B); full: what broadcasts to it.
    """
    kept = informative(tasks, full)
    return normalised_median(accuracy[kept], guesses(tasks)[kept], full[kept])


def guesses(tasks: Sequence[str]) -> Floats:
    """Accuracy of guessing: (tasks,)."""
    return np.array([BENCHMARKS[task].guess for task in tasks])


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
