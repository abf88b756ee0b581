"""Intervals, corrections and draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata import statistics
from strata.statistics import (
    paired_bootstrap,
    proportion,
    proportion_ratio,
    share_of_at_least,
    sign_tests,
    subsets,
)


def mean(values, axis):
    return values.mean(axis=axis)


def test_bootstrap_interval_of_a_mean_matches_the_normal_one():
    sample = np.random.default_rng(0).normal(size=(1, 400))
    boot = paired_bootstrap(mean, sample, resamples=4000, seed=1)
    half = 1.96 * sample.std(ddof=1) / 20
    assert boot.low[0] == pytest.approx(sample.mean() - half, abs=0.015)
    assert boot.high[0] == pytest.approx(sample.mean() + half, abs=0.015)


def test_rows_share_their_resamples():
    sample = np.random.default_rng(0).normal(size=(1, 50))
    boot = paired_bootstrap(mean, np.concatenate([sample, sample + 1]), resamples=200, seed=1)
    np.testing.assert_allclose(boot.draws[1] - boot.draws[0], 1)


def test_same_seed_same_interval():
    sample = np.random.default_rng(0).normal(size=(3, 50))
    first, second = (paired_bootstrap(mean, sample, resamples=200, seed=1) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_constant_sample_has_a_point_interval():
    boot = paired_bootstrap(mean, np.full((1, 20), 2.0), resamples=100, seed=0)
    assert (boot.low[0], boot.high[0]) == (2, 2)


def test_sign_tests_find_the_one_negative_row_among_thirty():
    differences = np.random.default_rng(0).normal(size=(30, 200))
    differences[7] -= 0.5
    assert np.flatnonzero(sign_tests(differences) < 0.05).tolist() == [7]


def test_sign_test_of_all_zeros_says_nothing():
    assert sign_tests(np.zeros((2, 10))).tolist() == [1, 1]


def test_proportion_stays_in_the_unit_interval():
    assert proportion(0, 50).low == 0 and proportion(0, 50).high < 0.1
    assert proportion(50, 50).high == 1


def test_ratio_to_a_proportion_never_seen_has_a_width():
    never = proportion_ratio(0, 7 / 16, 16)
    assert (never.value, never.low) == (0, 0) and 0.3 < never.high < 0.6
    assert proportion_ratio(1, 1, 16).low > 0.75


@pytest.mark.parametrize(("p", "q"), [(0.05, 0.4), (0.4, 0.4), (0.9, 0.6)])
def test_ratio_of_proportions_is_covered_as_often_as_it_says(p, q):
    trials, draws = 40, np.random.default_rng(0)
    tried = draws.binomial(trials, p, 2000), draws.binomial(trials, q, 2000)
    found = [proportion_ratio(a / trials, b / trials, trials) for a, b in zip(*tried, strict=True)]
    assert 0.93 < np.mean([each.low <= p / q <= each.high for each in found]) < 0.98


@given(st.integers(2, 30), st.integers(1, 20), st.integers(0, 9))
def test_subsets_hold_distinct_observations(population, count, seed):
    size = max(1, population // 2)
    drawn = subsets(population, size, count, seed)
    assert drawn.shape == (count, size)
    assert all(len(set(row)) == size and max(row) < population for row in drawn.tolist())


def test_subset_larger_than_population_is_refused():
    with pytest.raises(ValueError, match="cannot draw 11 of 10"):
        subsets(10, 11, 1, 0)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_means_of_a_few_seeds_have_the_t_interval(count):
    values = np.random.default_rng(count).normal(size=count)
    draws = statistics.seed_weights(count, 200_000, seed=0) @ values / count
    found, expected = statistics.estimate(draws), statistics.mean_estimate(values)
    assert found == pytest.approx(expected, rel=0.05)


def test_one_seed_has_no_spread():
    assert (statistics.seed_weights(1, 10, seed=0) == 1).all()


@given(st.integers(1, 60))
def test_weights_of_passages_sum_to_their_number(count):
    weights = statistics.block_weights(count, 20, seed=0)
    assert weights.shape == (21, count) and (weights[0] == 1).all()
    assert weights.sum(axis=1) == pytest.approx(count)


def test_a_mean_over_passages_that_are_alike_is_covered():
    """AR(1) passages; a bootstrap of single passages covers less."""
    hits = {"blocks": 0, "single": 0}
    generator = np.random.default_rng(0)
    for _ in range(300):
        series = np.empty(60)
        series[0] = generator.normal()
        for place in range(1, 60):
            series[place] = 0.4 * series[place - 1] + np.sqrt(0.84) * generator.normal()
        for name, weights in (
            ("blocks", statistics.block_weights(60, 300, generator)),
            ("single", statistics.resampling_weights(60, 300, generator)),
        ):
            found = statistics.estimate(weights @ series / 60)
            hits[name] += found.low <= 0 <= found.high
    assert hits["single"] + 15 < hits["blocks"] > 0.88 * 300


def test_a_range_of_equal_means_is_not_called_wide():
    """Four equal variants, measured with noise: the plain range is biased upwards."""
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        means = generator.normal(size=4)
        draws = means[:, None] + generator.normal(size=(4, 300))
        found = statistics.debiased_range(means, draws)
        assert found.low <= found.value <= found.high
        hits += found.low == 0
    assert hits / 300 > 0.93


def test_what_was_never_seen_has_wilsons_upper_end():
    draws = statistics.never_or_always(20, 100_000, np.random.default_rng(0))
    assert np.quantile(draws, 0.95) == pytest.approx(statistics.proportion(0, 20).high, rel=0.02)
    assert draws.min() >= 0 and draws.max() <= 1


def test_a_share_counts_what_is_decided_and_leaves_the_rest_open():
    noise = np.random.default_rng(0).normal(size=2001)
    noise[0] = 0
    draws = np.stack([0.9 + 0.01 * noise, 0.82 + noise, 0.78 + noise, 0.7 + 0.01 * noise])
    assert share_of_at_least(draws, 0.8) == (0.5, 0.25, 0.75)
    assert share_of_at_least(np.full((26, 2001), 0.9), 0.8) == (1, 1, 1)
