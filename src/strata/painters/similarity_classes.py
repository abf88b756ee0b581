"""Where the classes of paper C's Fig. 3 begin and end, and where the first token becomes a sink.

S states of N passages; arrays over bootstrap draws begin or end with the value itself, as noted.
"""

from itertools import combinations, pairwise

import numpy as np

from strata.records import Estimate
from strata.statistics import Floats, block_weights, estimate

MASSIVE = 10  # times the other tokens' norm, from which on the first token is a sink
ENDING = 2  # states that the paper's figure leaves to the ending


def three_runs(maps: Floats) -> Floats:
    """The cut of the states into three runs with the highest similarity within runs, less that
    between them.

    Args:
        maps: similarities, draws x S x S.

    Returns:
        The first states of the middle and of the ending: draws x 2.
    """
    draws, S, _ = maps.shape
    corner = np.zeros((draws, S + 1, S + 1))
    corner[:, 1:, 1:] = maps.cumsum(axis=1).cumsum(axis=2)
    own = np.trace(maps, axis1=1, axis2=2)
    best, cut = np.full(draws, -np.inf), np.zeros((draws, 2), dtype=int)
    for first, second in combinations(range(1, S), 2):
        runs = list(pairwise((0, first, second, S)))
        pairs = sum((end - start) * (end - start - 1) for start, end in runs)
        within = sum(_square(corner, start, end) for start, end in runs) - own
        between = corner[:, S, S] - own - within
        score = within / pairs - between / (S * (S - 1) - pairs)
        better = score > best
        best[better], cut[better] = score[better], (first, second)
    return cut


def _square(corner: Floats, start: int, end: int) -> Floats:
    rows = corner[:, end] - corner[:, start]
    return rows[:, end] - rows[:, start]


def classes(values: Floats, resamples: int, seed: int) -> dict[str, Estimate]:
    """How many states the beginning and the ending have, over blocks of passages.

    Args:
        values: similarities, N x S x S.
    """
    N, S, _ = values.shape
    weights = block_weights(N, resamples, seed)
    cut = three_runs((weights @ values.reshape(N, -1) / N).reshape(-1, S, S))
    return {"beginning": estimate(cut[:, 0]), "ending": estimate(S - cut[:, 1])}


def sink_onset(first_SxN: Floats, others_SxN: Floats, resamples: int, seed: int) -> Estimate | None:
    """The first state in which the first token is MASSIVE times as long as the others, on average;
    None if there is none."""
    weights = block_weights(first_SxN.shape[1], resamples, seed).T
    massive = first_SxN @ weights >= MASSIVE * (others_SxN @ weights)
    onset = np.where(massive.any(axis=0), massive.argmax(axis=0), len(massive))
    return estimate(onset) if massive[:, 0].any() else None


def after_onset(values: Floats, onset: int, resamples: int, seed: int) -> Estimate:
    """Mean similarity of two states from the onset on, the last ENDING left out."""
    inside = values[:, onset:-ENDING, onset:-ENDING]
    each = inside[:, ~np.eye(inside.shape[1], dtype=bool)].mean(axis=1)
    return estimate(block_weights(len(each), resamples, seed) @ each / len(each))
