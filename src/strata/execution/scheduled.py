"""Any call of a Hugging Face model on a schedule: forward, generate, harness, training.

    with scheduled(model, parallel(T=30, s=9, loops=3)):
        model.generate(...)

Every visit of a layer is a block of its own: a shell that shares the layer's weights, with its own
cache slot and its own entry where the configuration lists what each layer is. The model runs the
members of a parallel step one after another; each hands its input on, the last the mean of all.
Encoders have no cache, and their mean is not normalised again, as released.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from copy import copy
from dataclasses import replace
from functools import partial
from itertools import count
from types import MethodType
from typing import Any, Literal, NoReturn

import torch
from torch import nn
from transformers import Cache, DynamicCache, PreTrainedConfig, PreTrainedModel
from transformers.utils.output_capturing import maybe_install_capturing_hooks

from strata.execution.calls import (
    Call,
    ExecutionError,
    in_place_of_blocks,
    leaving,
    mean,
    with_hidden,
)
from strata.models import blocks, text_config
from strata.schedules import Schedule, layers_of, members_of

KV = Literal["per_visit", "averaged"]
CACHE_INDICES = {"layer_idx", "layer_id"}
CACHE_ARGUMENTS = ("past_key_values", "layer_past")


@contextmanager
def on_schedule(model: PreTrainedModel, schedule: Schedule, kv: KV) -> Iterator[None]:
    """`scheduled`, for a schedule that fits, whether or not the model computes the same."""
    layers = blocks(model)
    maybe_install_capturing_hooks(model.base_model)
    if kv == "averaged":
        visits = [layers_of(step)[0] for step in schedule.steps]
        steps = _Steps(_averaged(layers, schedule))
    else:
        visits, steps = list(schedule.visits), _Steps(_flat(layers, schedule))
    with ExitStack() as stack:
        stack.enter_context(in_place_of_blocks(model, steps))
        for config in _configs(model):
            stack.enter_context(_listed(config, visits))
        yield


class _Steps(nn.ModuleList):
    """A schedule's steps in place of the model's blocks."""

    def state_dict(self, *_: Any, **__: Any) -> NoReturn:
        raise ExecutionError(
            "a model cannot be saved while it runs a schedule; leave `with scheduled(...)` first"
        )


class _Join:
    """One parallel step: what those of its layers that ran add up to.

    members: everything its mean is of; what enters the step is all but the layers.
    """

    def __init__(self, layers: int, members: int) -> None:
        self.layers, self.members = layers, members
        self.total: torch.Tensor | None = None

    def after(self, place: int, left: torch.Tensor, entered: torch.Tensor) -> torch.Tensor:
        """What the model goes on with: what entered the layer, after the last one the mean."""
        self.total = left if place == 0 else self.total + left.to(self.total.device)
        if place + 1 < self.layers:
            return entered
        for _ in range(self.members - self.layers):
            self.total = self.total + entered.to(self.total.device)
        mean, self.total = self.total / self.members, None
        return mean


def _flat(layers: nn.ModuleList, schedule: Schedule) -> Iterator[nn.Module]:
    """One module a visit; cache slots are counted in the same order."""
    slots = count()
    for step in schedule.steps:
        shells = [_shell(layers[layer], next(slots)) for layer in layers_of(step)]
        join = _Join(len(shells), len(members_of(step)))
        for place, shell in enumerate(shells if join.members > 1 else ()):
            shell.forward = partial(_joined, shell.forward, join, place)
        yield from shells


def _joined(forward: Callable[..., Any], join: _Join, place: int, *args: Any, **kwargs: Any) -> Any:
    output = forward(*args, **kwargs)
    return with_hidden(output, join.after(place, leaving(output), Call(args, kwargs).hidden))


def _averaged(layers: nn.ModuleList, schedule: Schedule) -> Iterator[nn.Module]:
    """One module and one cache slot a step."""
    for slot, step in enumerate(schedule.steps):
        members = [_shell(layers[layer], slot) for layer in layers_of(step)]
        yield members[0] if isinstance(step, int) else _AveragedParallel(members, slot)


class _AveragedParallel(nn.Module):
    """Blocks side by side with one cache slot: they read the mean keys and values of the past."""

    def __init__(self, members: list[nn.Module], slot: int) -> None:
        super().__init__()
        self.members, self.slot = nn.ModuleList(members), slot

    def forward(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        name = next((key for key in CACHE_ARGUMENTS if kwargs.get(key) is not None), None)
        if name is None:
            return self._mean(*args, **kwargs)
        shared = _SharedSlot(kwargs[name], self.slot)
        output = self._mean(*args, **kwargs | {name: shared})
        shared.store()
        return output

    def _mean(self, *args: Any, **kwargs: Any) -> Any:
        outputs = [member(*args, **kwargs) for member in self.members]
        device = leaving(outputs[0]).device
        return with_hidden(outputs[-1], mean(map(leaving, outputs), len(outputs), device))


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


def refuse_misfit(model: PreTrainedModel, schedule: Schedule, kv: KV) -> None:
    """Raise what `scheduled` raises of a schedule, and of a model that runs one."""
    if any(isinstance(child, _Steps) for child in model.modules()):
        raise ExecutionError(
            "the model already runs a schedule; leave that `with scheduled(...)` block first"
        )
    if schedule.depth != (depth := len(blocks(model))):
        raise ExecutionError(f"the schedule is for T={schedule.depth}, the model has T={depth}")
    parallel = [step for step in schedule.steps if not isinstance(step, int)]
    recomputing = any(getattr(each, "gradient_checkpointing", False) for each in model.modules())
    if parallel and recomputing:
        raise ExecutionError(
            "activation checkpointing runs blocks again, out of order; without it layers can run "
            "in parallel: model.activation_checkpointing_disable()"
        )
    if kv == "averaged" and any(layers_of(step) != members_of(step) for step in schedule.steps):
        raise ExecutionError('a damped step has no averaged cache; use kv="per_visit"')
    types = getattr(text_config(model), "layer_types", None)
    for step in parallel if types and kv == "averaged" else ():
        found = sorted({types[layer] for layer in step})
        if len(found) > 1:
            raise ExecutionError(
                f"layers {step} attend differently ({', '.join(found)}) and cannot share a cache "
                f'slot; use kv="per_visit"'
            )


def counts_tokens(model: PreTrainedModel) -> bool:
    """Whether the layers that the configuration describes tell a cache how long it is."""
    try:
        DynamicCache(config=text_config(model)).get_seq_length()
    except ValueError:
        return False
    return True


def _configs(model: PreTrainedModel) -> list[PreTrainedConfig]:
    """Every object that the parts of the model read their number of layers from."""
    kind = type(text_config(model))
    read = (getattr(module, "config", None) for module in model.modules())
    return list({id(config): config for config in read if type(config) is kind}.values())


@contextmanager
def _listed(config: PreTrainedConfig, visits: Sequence[int]) -> Iterator[None]:
    """Let a configuration describe the visited layers, wherever it has an entry for each layer.

    A class of its own holds what the configuration otherwise computes.
    """
    kind, depth, before = type(config), config.num_hidden_layers, dict(vars(config))
    visited = {
        name: [value[layer] for layer in visits]
        for name, value in _values(config).items()
        if isinstance(value, list | tuple) and len(value) == depth
    }
    try:
        config.__class__ = type(kind.__name__, (kind,), visited)
        config.num_hidden_layers = len(visits)
        vars(config).update({name: visited[name] for name in visited.keys() & before.keys()})
        if spec := before.get("_heterogeneity_spec"):
            own = enumerate(spec.per_layer_overrides.get(layer) for layer in visits)
            config._heterogeneity_spec = replace(
                spec, per_layer_overrides={slot: each for slot, each in own if each}
            )
        yield
    finally:
        config.__class__ = kind
        vars(config).clear()
        vars(config).update(before)


def _values(config: PreTrainedConfig) -> dict[str, Any]:
    """What a configuration stores and what it computes."""
    kind, found = type(config), dict(vars(config))
    for name in dir(kind):
        if isinstance(getattr(kind, name), property):
            with suppress(Exception):  # not every value can be had of every model
                found.setdefault(name, getattr(config, name))
    return found


def _shell(module: nn.Module, slot: int) -> nn.Module:
    """The same module with the same parameters, writing to another cache slot."""
    shell = copy(module)
    shell._modules = {name: child and _shell(child, slot) for name, child in shell._modules.items()}
    for name in CACHE_INDICES & vars(shell).keys():
        setattr(shell, name, slot)
    vars(shell).update(_rebound(module, shell))
    return shell


def _rebound(module: nn.Module, shell: nn.Module) -> Iterator[tuple[str, Any]]:
    """What accelerate binds to a module, to bring its weights to a device, bound to its shell."""
    for name, value in vars(module).items():
        if isinstance(value, MethodType) and value.__self__ is module:
            yield name, MethodType(value.__func__, shell)
        if isinstance(value, partial) and value.args[:1] == (module,):
            yield name, partial(value.func, shell, *value.args[1:], **value.keywords)
