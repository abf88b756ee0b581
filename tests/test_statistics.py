"""Intervals, corrections and draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.statistics import paired_bootstrap, proportion, proportion_ratio, sign_tests, subsets


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
