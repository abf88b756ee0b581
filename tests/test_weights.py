"""Readings of predictability against their closed forms, a library fit and a slow re-derivation."""

import numpy as np
import pytest
import torch
from scipy import stats

from strata.anatomy import prediction, weights
from strata.execution import traced
from strata.models import blocks

DEPTH = 12


@pytest.fixture(scope="module")
def independent():
    return torch.randn(DEPTH, 40_000, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def smooth():
    depth = torch.linspace(-1, 1, DEPTH)[:, None]
    coefficients = torch.randn(3, 4_000, generator=torch.Generator().manual_seed(0))
    return coefficients[0] + coefficients[1] * depth + coefficients[2] * depth**2


@pytest.mark.parametrize("reading", weights.READINGS)
def test_independent_layers_give_the_closed_form(independent, reading):
    found = weights.READINGS[reading](weights.moments(independent)).mean()
    assert found == pytest.approx(weights.closed_form(DEPTH)[reading], rel=0.02, abs=0.002)


def test_sorted_weights_are_predictable_even_of_independent_layers(independent):
    ranked = weights.moments(weights.by_rank(independent))
    assert weights.neighbour_average(ranked).mean() > 0.999


def test_readings_of_reordered_moments_are_those_of_the_reordered_stack(independent):
    stack = independent + torch.arange(DEPTH)[:, None]
    order = np.random.default_rng(0).permutation(DEPTH)
    reordered = weights.moments(stack).reordered(order)
    for function in weights.READINGS.values():
        np.testing.assert_allclose(function(reordered), function(weights.moments(stack[order])))


def test_statistics_of_independent_layers_give_the_closed_form():
    generator = np.random.default_rng(0)
    scores = [weights.statistic_over_depth(generator.normal(size=30)) for _ in range(3000)]
    expected = weights.closed_form(30)["statistic_over_depth"]
    assert np.mean(scores) == pytest.approx(expected, rel=0.05)


def test_smooth_layers_are_predicted(smooth):
    layers = weights.moments(smooth)
    assert weights.polynomial(layers).min() > 1 - 1e-6
    assert weights.polynomial_left_out(layers).min() > 1 - 1e-6
    assert weights.neighbour_average(layers).mean() > 0.9
    assert weights.ridge_on_neighbours(layers).mean() > 0.9
    assert weights.delta_correlations(layers).mean() > 0.5


def test_deltas_agree_with_a_library_correlation(independent):
    ours = weights.delta_correlations(weights.moments(independent))[3]
    first, second = (independent[i + 1] - independent[i] for i in (3, 4))
    assert ours == pytest.approx(stats.pearsonr(first, second).statistic, abs=1e-5)


def test_left_out_row_equals_a_fit_without_the_layer(independent):
    depth = np.linspace(-1, 1, DEPTH)
    values = independent[:, 0].double().numpy()
    for layer in range(DEPTH):
        others = np.arange(DEPTH) != layer
        fit = np.polynomial.Polynomial.fit(depth[others], values[others], weights.DEGREE)
        ours = float(weights.left_out_matrix(DEPTH)[layer] @ torch.tensor(values))
        assert ours == pytest.approx(fit(depth[layer]), abs=1e-8)


def test_constant_parameters_predict_nothing_and_break_nothing():
    constant = weights.moments(torch.full((DEPTH, 50), 0.1))
    assert all((function(constant) == 0).all() for function in weights.READINGS.values())
    assert weights.statistic_over_depth(np.ones(DEPTH)) == 0


def test_stacks_hold_every_parameter_in_order(model):
    stacked = weights.stacks(blocks(model))
    assert len(stacked) == 9
    for name, stack in stacked.items():
        assert torch.equal(stack[4], blocks(model)[4].get_parameter(name).flatten())


def test_layers_of_other_shapes_are_refused(model):
    blocks(model)[3].mlp.up_proj = torch.nn.Linear(32, 40, bias=False)
    with pytest.raises(weights.WeightsError, match=r"mlp.up_proj.weight: layers have shapes"):
        weights.stacks(blocks(model))
    with pytest.raises(weights.WeightsError, match="found 3 layers, expected at least 4"):
        weights.stacks(blocks(model)[:3])


@pytest.mark.parametrize("count", [1, 2, 9, 28])
def test_choices_are_distinct_inner_layers(count):
    for layers in prediction.choices(30, count, draws=3, seed=0).values():
        assert len(set(layers)) == len(layers) == count
        assert min(layers) >= 1 and max(layers) <= 28


@pytest.mark.parametrize("count", [0, 29])
def test_impossible_choice_is_refused(count):
    with pytest.raises(ValueError, match=f"cannot replace {count} layers, expected 1 to 28"):
        prediction.choices(30, count, draws=1, seed=0)


def test_running_on_predictions_equals_replacing_by_hand_and_restores(model, batch):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    entered, pick = traced(model, [batch]), ("pair", (2, 3))
    (done,) = prediction.run_on_predictions(model, entered, [pick], "neighbour_average")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for layer in (2, 3):
        for name, parameter in blocks(model)[layer].named_parameters():
            left, right = (before[f"model.layers.{layer + d}.{name}"] for d in (-1, 1))
            parameter.copy_((left + right) / 2)
    by_hand = prediction.measure(model, traced(model, [batch]))
    np.testing.assert_allclose(done.measured.nll, by_hand.nll, rtol=1e-6)
