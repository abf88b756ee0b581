"""The ablation sweep against independent, slower ways to the same numbers."""

import numpy as np
import pytest
from test_execution import reference_nll
from torch import nn

from strata.anatomy import ablation
from strata.models import blocks
from strata.surgery import neighbour_average


@pytest.fixture
def swept(model, batch):
    return {reading: ablation.ablate(model, [batch], reading) for reading in ablation.READINGS}


def test_base_equals_untouched_model(model, batch, swept):
    expected = np.empty(5)
    expected[batch.rows] = reference_nll(model, batch)
    for result in swept.values():
        np.testing.assert_allclose(result.base, expected, rtol=1e-5)
        assert result.tokens.tolist() == [8, 1, 11, 13, 2]


def test_neighbour_average_equals_whole_forward_passes(model, batch, swept):
    for layer, ours in enumerate(swept["neighbour_average"].ablated):
        with neighbour_average(model, layer):
            expected = reference_nll(model, batch)
        np.testing.assert_allclose(ours[batch.rows], expected, rtol=1e-5)


def test_skip_equals_a_model_built_without_the_layer(model, batch, swept):
    whole = blocks(model)
    for layer, ours in enumerate(swept["skip"].ablated):
        model.model.layers = nn.ModuleList(b for i, b in enumerate(whole) if i != layer)
        model.config.num_hidden_layers = len(whole) - 1
        expected = reference_nll(model, batch)
        model.model.layers, model.config.num_hidden_layers = whole, len(whole)
        np.testing.assert_allclose(ours[batch.rows], expected, rtol=1e-5)


def toy(changes, passages=40, noise=0.0):
    """An ablation of known relative perplexity changes, in percent."""
    generator = np.random.default_rng(0)
    tokens = generator.integers(5, 30, passages).astype(float)
    base = 3 * tokens
    shift = np.log1p(np.array(changes)[:, None] / 100)
    spread = noise * generator.standard_normal((len(changes), passages))
    return ablation.Ablation(tokens, base, base + tokens * (shift + spread))


def test_measurements_recover_known_changes():
    changes = np.full(30, 10.0)
    changes[[0, 8, 9, 10, 11]] = 5000, 100, 200, 300, 400
    changes[[14, 17]] = -1
    known = toy(changes)
    boot = ablation.bootstrap_changes(known, resamples=200, seed=0)
    small = ablation.small_sample_changes(known, 10, 50, seed=0)
    measured = ablation.measurements(known, boot, small, seed=0)
    assert measured["baseline_perplexity"].value == pytest.approx(np.exp(3))
    assert measured["peak_layer"].value == 0
    assert measured["inner_peak_layer"] == (11, 11, 11)
    assert measured["core_among_top_four"].value == 3
    assert measured["core_among_inner_top_four"].value == 4
    assert measured["change_L14"].value == pytest.approx(-1)
    assert measured["log10_range"].value == pytest.approx(np.log10(5000))
    assert measured["some_anti_layer_in_small_draw"].value == 1
    table = ablation.layer_table(known, boot)
    assert set(table.query("anti_sign_p_holm < 0.05")["layer"]) == {14, 17}


def test_interval_widens_with_noise_and_covers_the_truth():
    noisy = toy([0.0] * 12, noise=0.1)
    boot = ablation.bootstrap_changes(noisy, resamples=500, seed=0)
    covered = (boot.low <= 0) & (boot.high >= 0)
    assert covered.sum() >= 10
    assert (boot.high - boot.low > 0.5).all()


def test_shallow_model_measures_only_the_layers_it_has():
    shallow = toy([5.0] * 12)
    boot = ablation.bootstrap_changes(shallow, resamples=100, seed=0)
    small = ablation.small_sample_changes(shallow, 10, 5, seed=0)
    keys = ablation.measurements(shallow, boot, small, seed=0)
    assert "change_L11" in keys and "change_L14" not in keys
