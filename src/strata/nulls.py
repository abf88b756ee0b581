"""Null models: what a claim is worth is seen by trying it on a model that cannot have earned it."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel

from strata import paths
from strata.evidence import MODEL, RANDOM, SHUFFLED
from strata.models import ModelError, blocks
from strata.surgery import check_parts


def subjects(model: PreTrainedModel, seed: int) -> Iterator[tuple[str, PreTrainedModel]]:
    """The model itself, then each null in its turn; only one has its weights in memory.

    The random null is empty when its turn is over; the shuffled one is the model itself, whose
    blocks go back to their places.

    Raises:
        ModelError: the model is spread over several devices.
        SurgeryError: as `shuffled_layers`.
    """
    yield MODEL, model
    with _parked(model):
        null = random_initialisation(model, seed)
        yield RANDOM, null
        _empty(null)
    with _reordered(model, _order(model, seed)):
        yield SHUFFLED, model


def random_initialisation(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """The same architecture with freshly drawn weights."""
    with torch.random.fork_rng(), _DrawnInFull():
        torch.manual_seed(seed)
        fresh = type(model)._from_config(copy.deepcopy(model.config), dtype=model.dtype)
    return fresh.requires_grad_(False).eval().to(model.device)


def shuffled_layers(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """The trained blocks in a random order; embeddings, norm and head as they were.

    Raises:
        SurgeryError: blocks of other parts or shapes were to change places.
    """
    shuffled = copy.deepcopy(model)
    _put(shuffled, [_tensors(block) for block in blocks(shuffled)], _order(model, seed))
    return shuffled.requires_grad_(False).eval()


def layer_order(depth: int, seed: int) -> list[int]:
    """Which trained block stands at each place of the shuffled model."""
    return torch.randperm(depth, generator=torch.Generator().manual_seed(seed)).tolist()


class _DrawnInFull(TorchFunctionMode):
    """Random numbers are drawn in fp32 and rounded, so that a seed means the same in any dtype."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return func(*args, **kwargs)
        target, *numbers = args
        full = func(torch.empty_like(target, dtype=torch.float32), *numbers, **kwargs)
        return target.copy_(full)


@contextmanager
def _parked(model: PreTrainedModel) -> Iterator[None]:
    """The model's weights wait in a file that has no name; it cannot be run meanwhile."""
    if len(set(getattr(model, "hf_device_map", {}).values())) > 1:
        raise ModelError(
            f"{type(model).__name__} is spread over several devices; its nulls need one device"
        )
    device, parameters = model.device, dict(model.named_parameters())
    paths.WORK.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=paths.WORK) as folder:
        file = f"{folder}/weights.safetensors"
        save_file({name: each.data.contiguous() for name, each in parameters.items()}, file)
        stored = load_file(file)
    _empty(model)
    try:
        yield
    finally:
        for name, each in parameters.items():
            each.data = stored[name].to(device)


def _empty(model: PreTrainedModel) -> None:
    for each in model.parameters():
        each.data = each.data.new_empty(0)


@contextmanager
def _reordered(model: PreTrainedModel, order: list[int]) -> Iterator[None]:
    own = [_tensors(block) for block in blocks(model)]
    _put(model, own, order)
    try:
        yield
    finally:
        _put(model, own, list(range(len(own))))


def _put(model: PreTrainedModel, tensors: list[dict[str, torch.Tensor]], order: list[int]) -> None:
    """Let each block have the tensors of another; none is copied."""
    for block, source in zip(blocks(model), order, strict=True):
        for name, tensor in block.state_dict(keep_vars=True).items():
            tensor.data = tensors[source][name]


def _tensors(block: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.data for name, tensor in block.state_dict(keep_vars=True).items()}


def _order(model: PreTrainedModel, seed: int) -> list[int]:
    order = layer_order(len(blocks(model)), seed)
    for target, source in enumerate(order):
        check_parts(model, target, source)
    return order
