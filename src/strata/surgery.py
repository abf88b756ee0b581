"""Editing blocks' weights and restoring them bit for bit: context managers.

    with neighbour_average(model, 11):
        model(...)                      # block 11 holds the mean of blocks 10 and 12
    with scaled(model, [14, 17], 0.9):
        model(...)

`layers` is one layer or several; with several, every new value is computed from the original
weights. The weights are changed in place while the block runs, and come back also after an error.
"Matrices" are a block's two-dimensional parameters; its norms are left as they are.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from strata.errors import StrataError
from strata.models import blocks

Weights = Mapping[str, torch.Tensor]


class SurgeryError(StrataError, ValueError):
    """An edit that the model's layers do not allow."""


@contextmanager
def neighbour_average(model: PreTrainedModel, layers: int | Iterable[int]) -> Iterator[None]:
    """Replace a block's weights by the mean of its two neighbours' (paper A's ablation).

    The paper does not say what happens at the ends: there the one neighbour is taken.

    Raises:
        SurgeryError: no such layer, or neighbours of other shapes.
    """
    chosen = _checked(model, layers)
    with predicted(model, {layer: _neighbour_mean(model, layer) for layer in chosen}):
        yield


@contextmanager
def scaled(
    model: PreTrainedModel,
    layers: int | Iterable[int],
    alpha: float,
    only: tuple[str, ...] = (),
) -> Iterator[None]:
    """Multiply the matrices by `alpha`; with `only`, just those whose name holds one of the words.

    Raises:
        SurgeryError: no such layer, a negative alpha, or `only` matches nothing.
    """
    if alpha < 0:
        raise SurgeryError(f"alpha {alpha}: expected 0 or more")
    values = {}
    for layer in _checked(model, layers):
        chosen = {
            name: alpha * matrix
            for name, matrix in matrices(blocks(model)[layer]).items()
            if not only or any(word in name for word in only)
        }
        if not chosen:
            raise SurgeryError(f"layer {layer}: no matrix is named like one of {only}")
        values[layer] = chosen
    with predicted(model, values):
        yield


@contextmanager
def zeroed(model: PreTrainedModel, layers: int | Iterable[int]) -> Iterator[None]:
    """Set the matrices to zero, so that a pre-norm block adds nothing to the residual stream."""
    with scaled(model, layers, 0.0):
        yield


@contextmanager
def noised(
    model: PreTrainedModel, layers: int | Iterable[int], fraction: float, seed: int
) -> Iterator[None]:
    """Add Gaussian noise of `fraction` of each matrix's own standard deviation (paper A: 0.5)."""
    values = {
        layer: {
            name: matrix + fraction * matrix.std() * noise
            for name, matrix, noise in _with_noise(model, layer, seed)
        }
        for layer in _checked(model, layers)
    }
    with predicted(model, values):
        yield


@contextmanager
def randomised(model: PreTrainedModel, layers: int | Iterable[int], seed: int) -> Iterator[None]:
    """Replace each matrix by Gaussian noise of the same mean and standard deviation."""
    values = {
        layer: {
            name: matrix.mean() + matrix.std() * noise
            for name, matrix, noise in _with_noise(model, layer, seed)
        }
        for layer in _checked(model, layers)
    }
    with predicted(model, values):
        yield


@contextmanager
def shared(model: PreTrainedModel, layers: int | Iterable[int], source: int) -> Iterator[None]:
    """Give every layer all the weights of block `source`."""
    (giver,) = _checked(model, source)
    weights = {name: value.detach() for name, value in blocks(model)[giver].named_parameters()}
    with predicted(model, dict.fromkeys(_checked(model, layers), weights)):
        yield


@contextmanager
def preserved(model: PreTrainedModel, layers: int | Iterable[int]) -> Iterator[None]:
    """Undo on leaving whatever happens to the layers' parameters inside, training included."""
    chosen = _checked(model, layers)
    with predicted(model, {i: dict(blocks(model)[i].named_parameters()) for i in chosen}):
        yield


@contextmanager
def predicted(model: PreTrainedModel, values: Mapping[int, Weights]) -> Iterator[None]:
    """Replace parameters of blocks: layer -> parameter name -> new value.

    Raises:
        SurgeryError: no such layer or parameter, or a value of another shape.
    """
    for layer in _checked(model, values):
        own = dict(blocks(model)[layer].named_parameters())
        for name, value in values[layer].items():
            if name not in own or own[name].shape != value.shape:
                found = tuple(own[name].shape) if name in own else "no such parameter"
                raise SurgeryError(
                    f"layer {layer}: {name} has shape {found}, its new value {tuple(value.shape)}; "
                    f"they must be equal"
                )
    with ExitStack() as stack:
        for layer, weights in values.items():
            stack.enter_context(_replaced(blocks(model)[layer], weights))
        yield


def matrices(block: nn.Module) -> dict[str, torch.Tensor]:
    """A block's two-dimensional parameters by name, detached."""
    return {name: p.detach() for name, p in block.named_parameters() if p.dim() == 2}


def _neighbour_mean(model: PreTrainedModel, layer: int) -> Weights:
    layers = blocks(model)
    near = [
        dict(layers[i].named_parameters()) for i in (layer - 1, layer + 1) if 0 <= i < len(layers)
    ]
    mean = {}
    for name, own in layers[layer].named_parameters():
        others = [each[name].detach() for each in near]
        if any(other.shape != own.shape for other in others):
            raise SurgeryError(
                f"layer {layer}: {name} has shape {tuple(own.shape)}, its neighbours "
                f"{[tuple(other.shape) for other in others]}; averaging needs equal shapes"
            )
        mean[name] = torch.stack(others).mean(dim=0)
    return mean


def _with_noise(
    model: PreTrainedModel, layer: int, seed: int
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed * len(blocks(model)) + layer)
    for name, matrix in matrices(blocks(model)[layer]).items():
        noise = torch.randn(matrix.shape, generator=generator, dtype=matrix.dtype)
        yield name, matrix, noise.to(matrix.device)


@contextmanager
def _replaced(module: nn.Module, values: Weights) -> Iterator[None]:
    parameters = dict(module.named_parameters())
    originals = {name: parameters[name].detach().clone() for name in values}
    try:
        _assign(parameters, values)
        yield
    finally:
        _assign(parameters, originals)


@torch.no_grad()
def _assign(parameters: Mapping[str, nn.Parameter], values: Weights) -> None:
    for name, value in values.items():
        parameters[name].copy_(value)


def _checked(model: PreTrainedModel, layers: int | Iterable[int]) -> list[int]:
    chosen = [layers] if isinstance(layers, int) else list(layers)
    depth = len(blocks(model))
    for layer in chosen:
        if not 0 <= layer < depth:
            raise SurgeryError(f"layer {layer}: expected 0 to {depth - 1}")
    return chosen
