"""Surgery edits what it says and restores every bit."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strata.execution import trace
from strata.models import blocks
from strata.surgery import (
    SurgeryError,
    neighbour_average,
    noised,
    predicted,
    randomised,
    scaled,
    shared,
    zeroed,
)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(model, before):
    return all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(layer=st.integers(0, 5), fails=st.booleans())
def test_weights_return_bit_for_bit_also_after_an_error(model, layer, fails):
    before = weights(model)
    try:
        with neighbour_average(model, layer):
            assert not same(model, before)
            if fails:
                raise RuntimeError
    except RuntimeError:
        assert fails
    assert same(model, before)


def test_inner_layer_becomes_the_mean_of_both_neighbours_and_nothing_else_changes(model):
    before = weights(model)
    with neighbour_average(model, 2):
        for name, value in blocks(model)[2].named_parameters():
            left, right = (before[f"model.layers.{i}.{name}"] for i in (1, 3))
            assert torch.equal(value, (left + right) / 2)
        others = {k: v for k, v in model.state_dict().items() if ".layers.2." not in k}
        assert all(torch.equal(value, before[name]) for name, value in others.items())


@pytest.mark.parametrize(("layer", "neighbour"), [(0, 1), (5, 4)])
def test_ends_take_their_one_neighbour(model, layer, neighbour):
    with neighbour_average(model, layer):
        pairs = zip(
            blocks(model)[layer].parameters(), blocks(model)[neighbour].parameters(), strict=True
        )
        assert all(torch.equal(own, other) for own, other in pairs)


@pytest.mark.parametrize("layer", [-1, 6])
def test_layer_out_of_range_is_refused(model, layer):
    with (
        pytest.raises(SurgeryError, match=rf"layer {layer}: expected 0 to 5"),
        neighbour_average(model, layer),
    ):
        pass


def test_unequal_shapes_are_refused_and_named(model):
    blocks(model)[3].mlp.up_proj = torch.nn.Linear(32, 40, bias=False)
    with (
        pytest.raises(SurgeryError, match=r"layer 2: mlp.up_proj.weight .*equal shapes"),
        neighbour_average(model, 2),
    ):
        pass


EDITS = {
    "neighbour_average": neighbour_average,
    "scaled": lambda model, layers: scaled(model, layers, 0.9),
    "zeroed": zeroed,
    "noised": lambda model, layers: noised(model, layers, 0.5, seed=0),
    "randomised": lambda model, layers: randomised(model, layers, seed=0),
    "shared": lambda model, layers: shared(model, layers, source=5),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_changes_its_layers_only_and_restores_every_bit(model, edit):
    before = weights(model)
    with pytest.raises(RuntimeError, match="inside"), EDITS[edit](model, [1, 3]):
        changed = {
            name.split(".")[2]
            for name, value in model.state_dict().items()
            if not torch.equal(value, before[name])
        }
        assert changed == {"1", "3"}
        raise RuntimeError("inside")
    assert same(model, before)


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_refuses_a_layer_that_is_not_there(model, edit):
    with pytest.raises(SurgeryError, match="layer 6: expected 0 to 5"), EDITS[edit](model, [1, 6]):
        pass


def test_several_layers_are_averaged_from_the_original_weights(model):
    before = weights(model)
    name = "mlp.up_proj.weight"
    with neighbour_average(model, [2, 3]):
        expected = (before[f"model.layers.2.{name}"] + before[f"model.layers.4.{name}"]) / 2
        assert torch.equal(blocks(model)[3].get_parameter(name), expected)


def test_zeroed_layer_passes_the_stream_unchanged(model, batch):
    with zeroed(model, 2):
        states = trace(model, batch).inputs
    assert torch.equal(states[2], states[3])


def test_noise_has_the_asked_size_and_follows_the_seed(model):
    name = "mlp.up_proj.weight"
    own = blocks(model)[1].get_parameter(name).clone()
    found = []
    for seed in (0, 0, 1):
        with noised(model, 1, 0.5, seed):
            found.append(blocks(model)[1].get_parameter(name) - own)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    assert found[0].std() == pytest.approx(float(0.5 * own.std()), rel=0.1)


def test_randomised_keeps_mean_and_spread(model):
    name = "mlp.up_proj.weight"
    own = blocks(model)[1].get_parameter(name).clone()
    with randomised(model, 1, seed=0):
        value = blocks(model)[1].get_parameter(name)
        assert value.std() == pytest.approx(float(own.std()), rel=0.1)
        assert torch.corrcoef(torch.stack([value.flatten(), own.flatten()]))[0, 1].abs() < 0.1


def test_scaling_can_be_kept_to_named_matrices(model):
    before = weights(model)
    with scaled(model, 1, 0.5, only=("down_proj",)):
        assert torch.equal(
            blocks(model)[1].mlp.down_proj.weight,
            0.5 * before["model.layers.1.mlp.down_proj.weight"],
        )
        up = blocks(model)[1].mlp.up_proj.weight
        assert torch.equal(up, before["model.layers.1.mlp.up_proj.weight"])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda model: scaled(model, 1, -0.1), "alpha -0.1: expected 0 or more"),
        (lambda model: scaled(model, 1, 1, only=("nothing",)), "no matrix is named like one of"),
        (
            lambda model: predicted(model, {1: {"x": torch.ones(1)}}),
            "x has shape no such parameter",
        ),
        (
            lambda model: predicted(model, {1: {"mlp.up_proj.weight": torch.ones(2, 2)}}),
            r"has shape \(48, 32\), its new value \(2, 2\)",
        ),
    ],
)
def test_impossible_edit_is_named(model, edit, message):
    with pytest.raises(SurgeryError, match=message), edit(model):
        pass
