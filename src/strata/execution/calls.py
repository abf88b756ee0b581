"""How a model calls its blocks, whatever their signature, and standing in for them."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import partial
from operator import methodcaller
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import nn
from transformers import PreTrainedModel

from strata.errors import StrataError
from strata.models import blocks, place_of_blocks

HIDDEN = "hidden_states"
INPUTS = {
    "input_ids": "ids_BxL",
    "attention_mask": "mask_BxL",
    "position_ids": "positions_BxL",
    "token_type_ids": "segments_BxL",
}
_entries: WeakKeyDictionary[nn.ModuleList, list[int]] = WeakKeyDictionary()


class ExecutionError(StrataError, ValueError):
    """A schedule or a part of a model that cannot run, or not now."""


class Batch(Protocol):
    """Padded inputs: ids_BxL and mask_BxL, 1 where a token is.

    A batch may also have segments_BxL (for an encoder: 1 in the second text of a pair),
    positions_BxL, and visible_Bx1xLxL (True where a token sees another) instead of the mask; each
    may be None.
    """

    ids_BxL: torch.Tensor
    mask_BxL: torch.Tensor

    def to(self, device: torch.device) -> "Batch": ...


class Call(NamedTuple):
    """What a block is called with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def hidden(self) -> torch.Tensor:
        """What enters the block: its first argument, or the one named `hidden_states`."""
        return self.args[0] if self.args else self.kwargs[HIDDEN]

    def on(self, hidden: torch.Tensor) -> "Call":
        """The same call on another hidden state."""
        if self.args:
            return Call((hidden, *self.args[1:]), self.kwargs)
        return Call((), self.kwargs | {HIDDEN: hidden})

    def run(self, layer: nn.Module, hidden: torch.Tensor) -> torch.Tensor:
        """What leaves the block when it is called so on another hidden state."""
        args, kwargs = self.on(hidden)
        return leaving(layer(*args, **kwargs))


def leaving(output: Any) -> torch.Tensor:
    """The hidden state in what a block returns: the first entry, if it returns several."""
    return output[0] if isinstance(output, tuple | list) else output


def with_hidden(output: Any, hidden: torch.Tensor) -> Any:
    """What a block returned, with another hidden state."""
    return (hidden, *output[1:]) if isinstance(output, tuple | list) else hidden


def mean(states: Iterable[torch.Tensor], count: int, device: torch.device) -> torch.Tensor:
    """The mean of what blocks side by side leave, on one device; each is dropped when added."""
    return sum(map(methodcaller("to", device), states)) / count


def inputs(batch: Batch) -> dict[str, torch.Tensor]:
    """The model's own names for what the batch has."""
    found = {name: getattr(batch, field, None) for name, field in INPUTS.items()}
    visible = getattr(batch, "visible_Bx1xLxL", None)
    if visible is not None:
        found["attention_mask"] = visible
    return {name: tensor for name, tensor in found.items() if tensor is not None}


@contextmanager
def in_place_of_blocks(model: PreTrainedModel, modules: nn.ModuleList) -> Iterator[None]:
    """Let the model call other modules instead of its blocks."""
    parent, name = place_of_blocks(model)
    layers = getattr(parent, name)
    try:
        setattr(parent, name, modules)
        yield
    finally:
        setattr(parent, name, layers)


def stand_ins(model: PreTrainedModel, answer: Callable[[Call], torch.Tensor]) -> nn.ModuleList:
    """Modules that look like the model's blocks, run nothing, and return what `answer` does.

    Entries of a block's output beside the hidden state are None.
    """
    layers = blocks(model)
    if layers not in _entries:
        _entries[layers] = _entries_of(model, layers)
    return nn.ModuleList(map(partial(_stand_in, answer), layers, _entries[layers]))


def _stand_in(answer: Callable[[Call], torch.Tensor], layer: nn.Module, entries: int) -> nn.Module:
    def forward(*args: Any, **kwargs: Any) -> Any:
        hidden = answer(Call(args, kwargs))
        return (hidden, *[None] * (entries - 1)) if entries else hidden

    made = copy(layer)
    made._forward_hooks, made._forward_pre_hooks = OrderedDict(), OrderedDict()
    made.forward = forward
    return made


def _entries_of(model: PreTrainedModel, layers: nn.ModuleList) -> list[int]:
    """How many entries each block's output has: 0 where it is the hidden state itself."""
    found: list[int] = []

    def note(_: nn.Module, __: Any, output: Any) -> None:
        found.append(len(output) if isinstance(output, tuple | list) else 0)

    ids = torch.tensor([[0, 1]], device=model.device)
    with ExitStack() as hooks, torch.no_grad(), torch.random.fork_rng():
        for layer in layers:
            hooks.callback(layer.register_forward_hook(note).remove)
        model.base_model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    return found
