"""Rank correlations over layers, with intervals and nulls.

Arrays end in an axis of 1 + B: the value itself, then B bootstrap draws.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from strata.records import Estimate
from strata.statistics import Floats, estimate, percentile_estimate, spearman

PERMUTED = "permuted_layers"


def nats_per_token(nll: Floats, base: Floats, tokens: Floats, times: Floats) -> Floats:
    """What an edit costs: (K, 1 + B).

    Args:
        nll: summed nats of n passages under K edits (K, n); base, tokens: (n,), of the untouched
            model; times: weights (1 + B, n).
    """
    return (nll - base) @ times.T / (times @ tokens)


def correlation(first: Floats, second: Floats) -> Floats:
    """Spearman over layers (T, ...) in the value and in every draw: (1 + B,), or (1,)."""
    depth = len(first)
    return spearman(first.reshape(depth, -1), second.reshape(depth, -1), axis=0)


def mean_correlation(pairs: Sequence[tuple[Floats, Floats]]) -> Estimate:
    """Mean of the correlations of several pairs of profiles (T, 1 + B)."""
    return estimate(np.mean([correlation(first, second) for first, second in pairs], axis=0))


def mean_correlations(
    subjects: Mapping[str, Sequence[tuple[Floats, Floats]]],
) -> dict[str, Estimate]:
    """`mean_correlation` of every subject that has a pair."""
    return {name: mean_correlation(pairs) for name, pairs in subjects.items() if pairs}


def permuted(pairs: Sequence[tuple[Floats, Floats]], count: int, seed: int) -> Estimate:
    """The null of `mean_correlation`: the first of each pair with its layers in random order."""
    generator = np.random.default_rng(seed)
    found = []
    for first, second in pairs:
        values = np.repeat(np.reshape(first, (len(first), -1))[:, :1], count, axis=1)
        shuffled = generator.permuted(values, axis=0)
        found.append(correlation(shuffled, np.reshape(second, (len(second), -1))[:, :1]))
    return null_range(np.mean(found, axis=0))


def null_range(draws: Floats) -> Estimate:
    """The median and the middle 95% of what a null gives."""
    return percentile_estimate(float(np.median(draws)), draws)


def closeness_to_an_end(T: int) -> Floats:
    """Layers (T,) by how near they are to the first or last: the rival that needs no model."""
    place = np.arange(T)
    return -np.minimum(place, T - 1 - place).astype(float)


def between_neighbours(profile: Floats) -> Floats:
    """Mean of each layer and the next: (T - 1, ...)."""
    return (profile[:-1] + profile[1:]) / 2
