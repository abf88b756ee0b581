"""Surgery edits what it says and restores every bit."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strata.models import blocks
from strata.surgery import SurgeryError, neighbour_average


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
