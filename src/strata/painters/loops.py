"""Paper C's Fig. 10: how many passes through the parallel block are best, against its size."""

import numpy as np
import pandas as pd

from strata import schedules
from strata.painters.params import PaintersLoopParams
from strata.painters.scores import accuracies, curve_table, guesses, medians
from strata.records import Estimate
from strata.schedules import Schedule
from strata.statistics import Floats, estimate

FIRST_START_ON_LINE = 2


def cases(T: int, params: PaintersLoopParams) -> dict[str, Schedule]:
    """Name -> schedule: the full model, then `M<affected>.<passes>`.

    Raises:
        ScheduleError: a number of affected layers that a model of T layers cannot have, or too few
            for the line that `analyse` fits.
    """
    looped = {
        f"M{M}.{loops}": schedules.parallel(T, schedules.start_for(T, M), loops)
        for M in params.affected
        for loops in _passes(params)
    }
    fitted = [M for M in set(params.affected) if _on_line(T, M)]
    if len(fitted) < 2:
        raise schedules.ScheduleError(
            f"T={T}: the line of best passes is fitted to M of at most "
            f"{T - 1 - 2 * FIRST_START_ON_LINE}, found {sorted(fitted)}; name at least two in "
            f"painters_loops.affected"
        )
    return {"full": schedules.full(T), **looped}


def full_accuracy(items: pd.DataFrame, params: PaintersLoopParams) -> Floats:
    """The full model's accuracy in each task: (tasks, 1, 1 + B)."""
    return accuracies(items, ["full"], params.resamples, params.seed)[1]


def analyse(
    items: pd.DataFrame, full: Floats, T: int, params: PaintersLoopParams
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Estimate]]:
    """Normalised median by M and passes; the best passes by M; and what the ledger judges.

    The line of best passes leaves out M = T-1 and T-3, as the figure's M = 31 and 29 of 32 layers
    are said not to follow it.
    """
    names = list(cases(T, params))[1:]
    _, accuracy = accuracies(items, names, params.resamples, params.seed)
    median = medians(guesses(items), accuracy, full)
    points = [(M, loops) for M in params.affected for loops in _passes(params)]
    affected, passes = zip(*points, strict=True)
    table = curve_table(median, affected=affected, loops=passes)
    grid = median.reshape(len(params.affected), params.most_loops, -1)
    best = grid.argmax(axis=1) + 1
    on_line = [_on_line(T, M) for M in params.affected]
    slope, r_squared = line(np.array(params.affected, dtype=float)[on_line], best[on_line])
    measured = {"slope": estimate(slope), "r_squared": estimate(r_squared)}
    return table, curve_table(best.astype(float), affected=params.affected), measured


def line(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Least-squares slope and R2 of y (points, 1 + B) on x (points,); R2 is 0 for a constant y."""
    dx = (x - x.mean())[:, None]
    dy = y - y.mean(axis=0)
    covariance = (dx * dy).sum(axis=0)
    total = (dx**2).sum() * (dy**2).sum(axis=0)
    return covariance / (dx**2).sum(), np.divide(
        covariance**2, total, out=np.zeros_like(total), where=total > 0
    )


def _on_line(T: int, M: int) -> bool:
    return schedules.start_for(T, M) >= FIRST_START_ON_LINE


def _passes(params: PaintersLoopParams) -> range:
    return range(1, params.most_loops + 1)
