"""Editing blocks' weights and restoring them bit for bit: context managers.

    with neighbour_average(model, 11):
        model(...)                      # block 11 holds the mean of blocks 10 and 12
    with scaled(model, [14, 17], 0.9):
        model(...)

`layers` is one layer or several; with several, every new value is computed from the original
weights. The weights are changed in place while the block runs, and come back also after an error.
"Matrices" are a block's parameters of two or more dimensions, experts stored as one tensor among
them; its norms and biases are left as they are.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from strata.errors import StrataError
from strata.execution import sample, trace
from strata.models import blocks

Weights = Mapping[str, torch.Tensor]


class SurgeryError(StrataError, ValueError):
    """An edit that the model's layers do not allow."""


@contextmanager
def neighbour_average(model: PreTrainedModel, layers: int | Iterable[int]) -> Iterator[None]:
    """Replace a block's weights by the mean of its two neighbours' (paper A's ablation).

    The paper does not say what happens at the ends: there the one neighbour is taken.

    Raises:
        SurgeryError: no such layer, or neighbours of other parts or shapes.
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
    """Set matrices and biases to zero, so that a block adds nothing to the residual stream.

    Raises:
        SurgeryError: no such layer, or a block that still changes the stream (it normalises the
            sum, say).
    """
    chosen = _checked(model, layers)
    values = {
        layer: {
            name: torch.zeros_like(own)
            for name, own in blocks(model)[layer].named_parameters()
            if own.dim() > 1 or name.endswith("bias")
        }
        for layer in chosen
    }
    with predicted(model, values):
        states = trace(model, sample(model)).inputs
        for layer in chosen:
            if not torch.equal(states[layer], states[layer + 1]):
                raise SurgeryError(
                    f"layer {layer}: with zero weights the block still changes the stream; "
                    f"{type(model).__name__} cannot have it zeroed"
                )
        yield


@contextmanager
def noised(
    model: PreTrainedModel, layers: int | Iterable[int], fraction: float, seed: int
) -> Iterator[None]:
    """Add Gaussian noise of `fraction` of each matrix's own standard deviation (paper A: 0.5)."""
    values = {
        layer: {
            name: matrix + fraction * _spread(matrix) * noise
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
            name: matrix.mean() + _spread(matrix) * noise
            for name, matrix, noise in _with_noise(model, layer, seed)
        }
        for layer in _checked(model, layers)
    }
    with predicted(model, values):
        yield


@contextmanager
def shared(model: PreTrainedModel, layers: int | Iterable[int], source: int) -> Iterator[None]:
    """Give every layer all the weights of block `source`.

    Raises:
        SurgeryError: no such layer, or blocks of other parts or shapes.
    """
    (giver,) = _checked(model, source)
    weights = _weights(model, giver)
    chosen = _checked(model, layers)
    for layer in chosen:
        check_parts(model, layer, giver)
    with predicted(model, dict.fromkeys(chosen, weights)):
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
        SurgeryError: no such layer or parameter, a value of another shape, or a parameter that
            another block has too.
    """
    owners = _owners(model)
    for layer in _checked(model, values):
        own = dict(blocks(model)[layer].named_parameters())
        for name, value in values[layer].items():
            if name not in own or own[name].shape != value.shape:
                found = tuple(own[name].shape) if name in own else "no such parameter"
                raise SurgeryError(
                    f"layer {layer}: {name} has shape {found}, its new value {tuple(value.shape)}; "
                    f"they must be equal"
                )
            others = owners[id(own[name])] - values.keys()
            if others:
                raise SurgeryError(
                    f"layer {layer}: {name} is a weight of layers {sorted(others)} too; edit them "
                    f"together"
                )
    with ExitStack() as stack:
        for layer, weights in values.items():
            stack.enter_context(_replaced(blocks(model)[layer], weights))
        yield


def matrices(block: nn.Module) -> dict[str, torch.Tensor]:
    """A block's parameters of two or more dimensions by name, detached."""
    return {name: p.detach() for name, p in block.named_parameters() if p.dim() > 1}


def _neighbour_mean(model: PreTrainedModel, layer: int) -> Weights:
    near = [i for i in (layer - 1, layer + 1) if 0 <= i < len(blocks(model))]
    for other in near:
        check_parts(model, layer, other)
    others = [_weights(model, other) for other in near]
    return {name: torch.stack([each[name] for each in others]).mean(dim=0) for name in others[0]}


def check_parts(model: PreTrainedModel, layer: int, other: int) -> None:
    """Refuse what needs two blocks to have the same parameters."""
    own, theirs = (
        {name: tuple(value.shape) for name, value in _weights(model, each).items()}
        for each in (layer, other)
    )
    for name in own | theirs:
        if own.get(name) != theirs.get(name):
            raise SurgeryError(
                f"layer {layer}: {name} has shape {own.get(name)}, in layer {other} "
                f"{theirs.get(name)}; this needs equal shapes"
            )


def _weights(model: PreTrainedModel, layer: int) -> dict[str, torch.Tensor]:
    return {name: value.detach() for name, value in blocks(model)[layer].named_parameters()}


def _owners(model: PreTrainedModel) -> dict[int, set[int]]:
    """The layers that have a parameter, by its id."""
    owners: dict[int, set[int]] = {}
    for layer, block in enumerate(blocks(model)):
        for parameter in block.parameters():
            owners.setdefault(id(parameter), set()).add(layer)
    return owners


def _with_noise(
    model: PreTrainedModel, layer: int, seed: int
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed * len(blocks(model)) + layer)
    for name, matrix in matrices(blocks(model)[layer]).items():
        noise = torch.randn(matrix.shape, generator=generator, dtype=matrix.dtype)
        yield name, matrix, noise.to(matrix.device)


def _spread(matrix: torch.Tensor) -> torch.Tensor:
    """Standard deviation; none of a single number."""
    return matrix.std() if matrix.numel() > 1 else matrix.new_zeros(())


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
