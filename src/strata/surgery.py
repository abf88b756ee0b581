"""Editing a block's weights and restoring them bit for bit: context managers.

    with neighbour_average(model, 11):
        model(...)                      # block 11 holds the mean of blocks 10 and 12

The weights are changed in place while the block runs, and come back also after an error.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from strata.models import blocks


class SurgeryError(ValueError):
    """An edit that the model's layers do not allow."""


@contextmanager
def neighbour_average(model: PreTrainedModel, layer: int) -> Iterator[None]:
    """Replace a block's weights by the mean of its two neighbours' (paper A's ablation).

    The paper does not say what happens at the ends: there the one neighbour is taken.

    Raises:
        SurgeryError: no such layer, or neighbours of other shapes.
    """
    layers = blocks(model)
    _check_layer(layer, len(layers))
    neighbours = [layers[i] for i in (layer - 1, layer + 1) if 0 <= i < len(layers)]
    parameters = [dict(neighbour.named_parameters()) for neighbour in neighbours]
    values = {}
    for name, own in layers[layer].named_parameters():
        others = [each[name] for each in parameters]
        if any(other.shape != own.shape for other in others):
            raise SurgeryError(
                f"layer {layer}: {name} has shape {tuple(own.shape)}, its neighbours "
                f"{[tuple(other.shape) for other in others]}; averaging needs equal shapes"
            )
        values[name] = torch.stack([other.detach() for other in others]).mean(dim=0)
    with _replaced(layers[layer], values):
        yield


@contextmanager
def _replaced(module: nn.Module, values: Mapping[str, torch.Tensor]) -> Iterator[None]:
    parameters = dict(module.named_parameters())
    originals = {name: parameters[name].detach().clone() for name in values}
    try:
        _assign(parameters, values)
        yield
    finally:
        _assign(parameters, originals)


@torch.no_grad()
def _assign(parameters: Mapping[str, nn.Parameter], values: Mapping[str, torch.Tensor]) -> None:
    for name, value in values.items():
        parameters[name].copy_(value)


def _check_layer(layer: int, depth: int) -> None:
    if not 0 <= layer < depth:
        raise SurgeryError(f"layer {layer}: expected 0 to {depth - 1}")
