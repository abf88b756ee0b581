"""Intervals over passages, paired differences and corrections for many looks."""

import math
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from strata.records import Estimate

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
MEMORY_FLOATS = 5_000_000
HEADROOM = 0.05


class Bootstrap(NamedTuple):
    """K statistics over paired observations: estimates (K,), interval ends (K,), draws (K, B)."""

    value: Floats
    low: Floats
    high: Floats
    draws: Floats

    def estimate(self, row: int = 0) -> Estimate:
        """One of the statistics."""
        return Estimate(self.value[row], self.low[row], self.high[row])


def paired_bootstrap(
    statistic: Callable[..., Floats], *samples: Floats, resamples: int, seed: int
) -> Bootstrap:
    """Bootstrap K statistics together, resampling the same observations for all (BCa, 95%).

    Args:
        statistic: takes the samples and `axis`, reduces that axis.
        samples: arrays (K, n) or (1, n); observation j of each belongs together.

    The draws keep their pairing across the K statistics, so anything computed from a column of
    `draws` (a maximum, a rank) has a joint interval.
    """
    observations = samples[0].shape[-1]
    rows = max(sample.shape[0] for sample in samples)
    samples = tuple(np.broadcast_to(sample, (rows, observations)) for sample in samples)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            samples,
            statistic,
            paired=True,
            vectorized=True,
            axis=-1,
            n_resamples=resamples,
            batch=max(1, MEMORY_FLOATS // (rows * observations)),
            confidence_level=CONFIDENCE,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    draws = result.bootstrap_distribution
    low, high = result.confidence_interval
    plain_low, plain_high = np.quantile(draws, _TAILS, axis=-1)
    return Bootstrap(
        value=statistic(*samples, axis=-1),
        low=np.where(np.isnan(low), plain_low, low),
        high=np.where(np.isnan(high), plain_high, high),
        draws=draws,
    )


def block_bootstrap(
    statistic: Callable[..., Floats], *samples: Floats, resamples: int, seed: int
) -> Bootstrap:
    """Bootstrap K statistics together over observations that lie in the order of a document.

    95% percentile intervals of draws by `block_weights`. Arguments and draws are those of
    `paired_bootstrap`, but the statistic must be one of sums over the observations.
    """
    observations = samples[0].shape[-1]
    weights = block_weights(observations, resamples, seed)[1:]
    rows = max(sample.shape[0] for sample in samples)
    at_once = max(1, MEMORY_FLOATS // (rows * observations))
    parts = [
        statistic(*(sample[:, None] * part for sample in samples), axis=-1)
        for part in np.array_split(weights, math.ceil(resamples / at_once))
    ]
    draws = np.concatenate(parts, axis=-1)
    low, high = np.quantile(draws, _TAILS, axis=-1)
    return Bootstrap(statistic(*samples, axis=-1), low, high, draws)


def percentile_estimate(value: float, draws: Floats) -> Estimate:
    """Percentile interval of a derived statistic from its bootstrap draws (B,), as wide as it must
    be to hold the value."""
    low, high = np.quantile(draws, _TAILS)
    return Estimate(float(value), float(min(low, value)), float(max(value, high)))


def point(value: float) -> Estimate:
    """A number without uncertainty."""
    return Estimate(value, value, value)


def columns(name: str, found: Estimate) -> dict[str, float]:
    """An estimate as cells of a table: <name>, <name>_low and <name>_high."""
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def estimate(draws: Floats) -> Estimate:
    """A statistic's value and its 95% percentile interval from (1 + B,), the value first."""
    return percentile_estimate(draws[0], draws[1:])


def resampling_weights(count: int, resamples: int, seed: int | np.random.Generator) -> Floats:
    """How often a bootstrap draws each of `count` observations: (1 + B, count), first once each."""
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    return np.concatenate([np.ones((1, count)), draws])


def block_weights(count: int, resamples: int, seed: int | np.random.Generator) -> Floats:
    """Bootstrap weights of `count` observations in the order of a document: (1 + B, count), first
    one each.

    Neighbours are alike, so circular blocks of the cube root of their number are drawn (Politis and
    Romano, 1992). Weights spread as wide as t over the blocks asks, because a bootstrap of few
    blocks is too narrow.
    """
    generator = np.random.default_rng(seed)
    length = math.ceil(count ** (1 / 3))
    starts = generator.integers(count, size=(resamples, math.ceil(count / length)))
    picks = ((starts[..., None] + np.arange(length)) % count).reshape(resamples, -1)[:, :count]
    draws = np.stack([np.bincount(each, minlength=count) for each in picks])
    return np.concatenate([np.ones((1, count)), 1 + _widened(count / length) * (draws - 1)])


def _widened(blocks: float) -> float:
    if blocks < 2:
        return 1.0
    tail = _TAILS[1]
    student = stats.t.ppf(tail, blocks - 1) / stats.norm.ppf(tail)
    return float(math.sqrt(blocks / (blocks - 1)) * student)


def seed_weights(count: int, resamples: int, seed: int | np.random.Generator) -> Floats:
    """Random weights of a few repeats, (1 + B, count), that sum to `count`; first one each.

    Means of repeats so weighted have the t distribution with count - 1 degrees of freedom, where a
    bootstrap of two, three or five repeats covers 50%, 74% and 84% instead of 95%. All that shares
    the weights is paired. A single repeat has no spread to speak of and weighs one.
    """
    generator = np.random.default_rng(seed)
    ones = np.ones((1 + resamples, count))
    if count == 1:
        return ones
    normal = generator.standard_normal((resamples, count))
    chi2 = generator.chisquare(count - 1, size=(resamples, 1)) / (count - 1)
    ones[1:] += (normal - normal.mean(axis=1, keepdims=True)) * np.sqrt(
        count / ((count - 1) * chi2)
    )
    return ones


def debiased_range(values: Floats, draws: Floats) -> Estimate:
    """The range of K noisy values (K,), by their joint bootstrap draws (K, B).

    Noise alone spreads values, so the range found is too wide: the value has that bias taken off.
    A range of sums differs from that of either part by at most the other's, so the range of the
    noise bounds the error.
    """
    found, noise = float(np.ptp(values)), np.ptp(draws - values[:, None], axis=0)
    reach = float(np.quantile(noise, _TAILS[1]))
    middle = max(0.0, 2 * found - float(np.ptp(draws, axis=0).mean()))
    return Estimate(middle, max(0.0, found - reach), found + reach)


def tukey_range(values: Floats) -> Estimate:
    """The largest difference of K means over n repeats that all have, from values (K, n).

    Tukey's simultaneous interval for repeated measures: it reaches zero unless equal means are
    refused at 5%.
    """
    count, repeats = values.shape
    means = values.mean(axis=1)
    residuals = values - means[:, None] - values.mean(axis=0) + values.mean()
    freedom = (count - 1) * (repeats - 1)
    error = math.sqrt((residuals**2).sum() / freedom / repeats)
    reach = float(stats.studentized_range.ppf(CONFIDENCE, count, freedom)) * error
    found = float(np.ptp(means))
    return Estimate(found, max(0.0, found - reach), found + reach)


def largest(values: Floats, draws: Floats) -> Estimate:
    """The largest of K noisy values (K,), by their joint bootstrap draws (K, B).

    The greatest noise among the K bounds the error of their maximum, so many looks are paid for.
    """
    reach = np.quantile(abs(draws - values[:, None]).max(axis=0), CONFIDENCE)
    return Estimate(float(values.max()), float(values.max() - reach), float(values.max() + reach))


def never_or_always(count: int, draws: int, generator: np.random.Generator) -> Floats:
    """Draws (B,) of a proportion that was never seen in `count` trials: Wilson's upper end at a
    random level, where a bootstrap would say 0 for sure."""
    squared = generator.standard_normal(draws) ** 2
    return squared / (count + squared)


def spearman(first: Floats, second: Floats, axis: int = -1) -> Floats:
    """Spearman rank correlation along an axis; 0 where one side is constant."""
    ranks = [stats.rankdata(values, axis=axis) for values in (first, second)]
    centred = [rank - rank.mean(axis=axis, keepdims=True) for rank in ranks]
    covariance = (centred[0] * centred[1]).sum(axis=axis)
    scale = np.sqrt((centred[0] ** 2).sum(axis=axis) * (centred[1] ** 2).sum(axis=axis))
    return np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)


def mean_estimate(values: Floats) -> Estimate:
    """Mean of a few repeats (seeds) with its t interval.

    Raises:
        ValueError: fewer than two values.
    """
    if len(values) < 2:
        raise ValueError(f"found {len(values)} repeats, expected at least 2 for an interval")
    mean, error = float(np.mean(values)), float(stats.sem(values))
    half = error * float(stats.t.ppf(_TAILS[1], len(values) - 1))
    return Estimate(mean, mean - half, mean + half)


def ratio_estimate(numerators: Floats, denominators: Floats) -> Estimate:
    """Geometric mean of paired ratios of positive values over repeats, with its t interval."""
    logs = mean_estimate(np.log(np.asarray(numerators) / np.asarray(denominators)))
    return Estimate(*(float(np.exp(end)) for end in logs))


def difference(one: Estimate, other: Estimate) -> Estimate:
    """One minus the other of two independent estimates, by MOVER (Zou and Donner, 2008), which
    needs no symmetric intervals."""
    value = one.value - other.value
    below = math.hypot(one.value - one.low, other.high - other.value)
    above = math.hypot(one.high - one.value, other.value - other.low)
    return Estimate(value, value - below, value + above)


def proportion(successes: int, trials: int) -> Estimate:
    """A proportion with its Wilson interval."""
    test = stats.binomtest(successes, trials)
    interval = test.proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(successes / trials, float(interval.low), float(interval.high))


def proportion_ratio(numerator: float, denominator: float, trials: int) -> Estimate:
    """Ratio of two proportions of as many trials: their Wilson intervals, by Donner and Zou (2012).

    Unlike a bootstrap it says something about what was never or always seen. The two are taken as
    independent, which is the wider reading where the same items were tried.

    Args:
        numerator, denominator: proportions, the second above 0.
    """
    from statsmodels.stats.proportion import proportion_confint  # slow, and not on every machine

    p, q = numerator, denominator
    (p_low, p_high), (q_low, q_high) = (
        proportion_confint(share * trials, trials, 1 - CONFIDENCE, method="wilson")
        for share in (p, q)
    )

    def end(p_end: float, q_end: float, sign: int) -> float:
        spread = (p * q) ** 2 - p_end * q_end * (2 * p - p_end) * (2 * q - q_end)
        return (p * q + sign * math.sqrt(max(0.0, spread))) / (q_end * (2 * q - q_end))

    return Estimate(p / q, max(0.0, end(p_low, q_high, -1)), end(p_high, q_low, 1))


def sign_tests(differences: Floats) -> Floats:
    """Holm-corrected one-sided sign tests that differences (K, n) lean below zero: p (K,).

    Zeros are left out, as the sign test asks.
    """
    from statsmodels.stats.multitest import multipletests  # slow, and not on every machine

    below = (differences < 0).sum(axis=1)
    decided = (differences != 0).sum(axis=1)
    p_values = [
        stats.binomtest(int(k), int(n), alternative="greater").pvalue if n else 1.0
        for k, n in zip(below, decided, strict=True)
    ]
    return multipletests(p_values, method="holm")[1]


def share_of_at_least(draws: Floats, least: float) -> Estimate:
    """The share of K statistics (K, 1 + B) that are `least` or more.

    Its low end counts those that are shown to be, its high end leaves out those that are shown not
    to be, by one-sided bootstrap tests with Holm's correction over the K.
    """
    from statsmodels.stats.multitest import multipletests  # slow, and not on every machine

    against = draws[:, 1:] < least, draws[:, 1:] >= least
    p_values = [(1 + each.sum(axis=1)) / draws.shape[1] for each in against]
    are, are_not = (multipletests(p, alpha=_TAILS[0], method="holm")[0] for p in p_values)
    found = draws[:, 0] >= least
    return Estimate(
        float(found.mean()), float((found & are).mean()), float((found | ~are_not).mean())
    )


def subsets(population: int, size: int, count: int, seed: int) -> NDArray[np.int64]:
    """`count` random subsets of `size` observations, each without repetition: (count, size).

    Raises:
        ValueError: the subsets are larger than the population.
    """
    if size > population:
        raise ValueError(f"cannot draw {size} of {population} observations without repetition")
    generator = np.random.default_rng(seed)
    return np.stack([generator.permutation(population)[:size] for _ in range(count)])


_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def normalised_median(scores: Floats, guess: Floats, full: Floats) -> Floats:
    """Paper C's summary: the median over tasks, with guessing at 0 and the full model at 1.

    Args:
        scores: (tasks, ...); guess: (tasks,); full: what broadcasts to the scores.

    A task that the full model does within HEADROOM of guessing is divided by HEADROOM instead.
    """
    guess = guess.reshape(-1, *[1] * (scores.ndim - 1))
    return np.median(normalised(scores, guess, full), axis=0)


def normalised(scores: Floats, guess: Floats | float, full: Floats) -> Floats:
    """Scores with guessing at 0 and the full model at 1."""
    return (scores - guess) / np.maximum(full - guess, HEADROOM)
