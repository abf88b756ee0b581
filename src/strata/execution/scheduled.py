"""Any call of a Hugging Face model on a schedule: forward, generate, harness, training.

    with scheduled(model, parallel(T=30, s=9, loops=3)):
        model.generate(...)

Blocks become shells that share their weights. Step i writes cache slot i, because the model reads
lengths from slot 0 and layer types by step; the other members of a parallel step follow behind.
Encoders have no cache, and their mean is not normalised again, as released.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Literal

import torch
from torch import nn
from transformers import Cache, PreTrainedModel
from transformers.utils.output_capturing import maybe_install_capturing_hooks

from strata.errors import StrataError
from strata.models import place_of_blocks
from strata.schedules import Schedule, layers_of

KV = Literal["per_visit", "averaged"]
CACHE_ARGUMENTS = ("past_key_values", "layer_past")


class ExecutionError(StrataError, ValueError):
    """A schedule that cannot run on this model, or not now."""


@contextmanager
def scheduled(model: PreTrainedModel, schedule: Schedule, kv: KV = "per_visit") -> Iterator[None]:
    """Run every call of the model on a schedule; the model is as before on exit, also on error.

    Args:
        kv: `per_visit` keeps keys and values of every layer execution, so that cached decoding is
            one pass; `averaged` is the released code's: a parallel step has one slot, which holds
            the mean keys and values of its layers.

    Raises:
        ExecutionError: already inside `scheduled`, the depths differ, or layers that attend
            differently (full, sliding window) are to run in parallel.
    """
    base = model.base_model
    if any(isinstance(child, _Steps) for child in base.modules()):
        raise ExecutionError(
            "the model already runs a schedule; leave that `with scheduled(...)` block first"
        )
    parent, name = place_of_blocks(model)
    layers = getattr(parent, name)
    types = getattr(model.config, "layer_types", None)
    _check(schedule, len(layers), types)
    maybe_install_capturing_hooks(base)
    steps, visited = _steps(layers, schedule, kv)
    try:
        setattr(parent, name, steps)
        model.config.num_hidden_layers = len(visited)
        if types is not None:
            model.config.layer_types = [types[layer] for layer in visited]
        yield
    finally:
        setattr(parent, name, layers)
        model.config.num_hidden_layers = len(layers)
        if types is not None:
            model.config.layer_types = types


class _Steps(nn.ModuleList):
    """A schedule's steps in place of the model's blocks."""


class _Parallel(nn.Module):
    """Blocks side by side on one input; the mean of their full outputs goes on."""

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return sum(each(hidden_states, *args, **kwargs) for each in self.members) / len(
            self.members
        )


class _AveragedParallel(_Parallel):
    """The same with one cache slot: its layers read the mean keys and values of past tokens."""

    def __init__(self, members: list[nn.Module], slot: int) -> None:
        super().__init__(members)
        self.slot = slot

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        name = next((key for key in CACHE_ARGUMENTS if kwargs.get(key) is not None), None)
        if name is None:
            return super().forward(hidden_states, *args, **kwargs)
        shared = _SharedSlot(kwargs[name], self.slot)
        output = super().forward(hidden_states, *args, **kwargs | {name: shared})
        shared.store()
        return output


class _SharedSlot:
    """One cache slot that several layers read, and that receives the mean of what they add."""

    def __init__(self, cache: Cache, slot: int) -> None:
        self.cache, self.slot = cache, slot
        filled = slot < len(cache.layers) and cache.layers[slot].is_initialized
        self.past = (cache.layers[slot].keys, cache.layers[slot].values) if filled else None
        self.added: list[tuple[torch.Tensor, torch.Tensor]] = []

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What one layer attends to: the shared past, then its own keys and values."""
        self.added.append((keys, values))
        if self.past is None:
            return keys, values
        return torch.cat([self.past[0], keys], dim=-2), torch.cat([self.past[1], values], dim=-2)

    def store(self) -> None:
        keys, values = (torch.stack(each).mean(dim=0) for each in zip(*self.added, strict=True))
        self.cache.update(keys, values, self.slot)


def _check(schedule: Schedule, depth: int, types: list[str] | None) -> None:
    if schedule.depth != depth:
        raise ExecutionError(f"the schedule is for T={schedule.depth}, the model has T={depth}")
    for step in schedule.steps if types else ():
        found = sorted({types[layer] for layer in layers_of(step)})
        if len(found) > 1:
            raise ExecutionError(
                f"layers {layers_of(step)} attend differently ({', '.join(found)}) and cannot run "
                f"in parallel here; use sweep"
            )


def _steps(layers: nn.ModuleList, schedule: Schedule, kv: KV) -> tuple[_Steps, list[int]]:
    """The modules to run, and the layer behind each cache slot."""
    visited = [layers_of(step)[0] for step in schedule.steps]
    extra = count(len(visited))
    modules: list[nn.Module] = []
    for place, step in enumerate(schedule.steps):
        if kv == "averaged" and not isinstance(step, int):
            members = [_shell(layers[layer], place) for layer in step]
            modules.append(_AveragedParallel(members, place))
            continue
        first, *others = layers_of(step)
        members = [_shell(layers[first], place)]
        members += [_shell(layers[layer], next(extra)) for layer in others]
        visited += others
        modules.append(members[0] if isinstance(step, int) else _Parallel(members))
    return _Steps(modules), visited


def _shell(module: nn.Module, slot: int) -> nn.Module:
    """The same module with the same parameters, writing to another cache slot."""
    shell = copy.copy(module)
    shell._modules = {name: child and _shell(child, slot) for name, child in shell._modules.items()}
    if hasattr(shell, "layer_idx"):
        shell.layer_idx = slot
    return shell
