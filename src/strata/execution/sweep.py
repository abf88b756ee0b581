"""Many schedules over the same inputs in one pass: each distinct prefix of steps runs once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import nn
from tqdm import tqdm
from transformers import PreTrainedModel

from strata.models import blocks, place_of_blocks
from strata.schedules import Node, Schedule, ScheduleError, Step, layers_of, prefix_tree

GIBIBYTE = 2**30
INPUTS = {
    "input_ids": "ids_BxL",
    "attention_mask": "mask_BxL",
    "position_ids": "positions_BxL",
    "token_type_ids": "segments_BxL",
}


class Batch(Protocol):
    """Padded inputs: ids_BxL and mask_BxL, 1 where a token is.

    A batch may also have segments_BxL (for an encoder: 1 in the second text of a pair),
    positions_BxL, and visible_Bx1xLxL (True where a token sees another) instead of the mask; each
    may be None.
    """

    ids_BxL: torch.Tensor
    mask_BxL: torch.Tensor

    def to(self, device: torch.device) -> "Batch": ...


Result = TypeVar("Result")
AnyBatch = TypeVar("AnyBatch", bound=Batch)


@torch.no_grad()
def sweep(
    model: PreTrainedModel,
    schedules: Sequence[Schedule],
    batches: Sequence[AnyBatch],
    readout: Callable[[PreTrainedModel, torch.Tensor, AnyBatch], Result],
    memory_gib: float = 2.0,
) -> list[list[Result]]:
    """What `readout(model, hidden_BxLxD, batch)` returns: [schedule][batch].

    Hidden states are those that leave the last step: a decoder's before its final norm (as
    `passage_nll` takes them), an encoder's before its pooler. The memory budget bounds the hidden
    states that wait for another branch; where it is too small for all schedules at once they run
    in groups, which then execute a shared prefix again.

    Raises:
        ScheduleError: a schedule is for another depth.
    """
    layers = blocks(model)
    for schedule in schedules:
        if schedule.depth != len(layers):
            raise ScheduleError(f"T={schedule.depth}: the model has T={len(layers)}")
    results: list[list[Any]] = [[None] * len(batches) for _ in schedules]
    with tqdm(total=len(batches) * len(schedules), desc="sweep", mininterval=5) as bar:
        for place, batch in enumerate(each.to(model.device) for each in batches):
            hidden, calls = _entry(model, batch)
            most = int(memory_gib * GIBIBYTE / hidden.nbytes)
            for group, tree in _groups(list(range(len(schedules))), schedules, most):
                for end, state in _walk(tree, layers, hidden, calls):
                    results[group[end]][place] = readout(model, state, batch)
                    bar.update()
    return results


class Call(NamedTuple):
    """What a block is called with beside the hidden state."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def _entry(model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, list[Call]]:
    """What enters the first block, and how every block is called; no block runs."""
    parent, name = place_of_blocks(model)
    layers = getattr(parent, name)
    recorders = nn.ModuleList(_Recorder() for _ in layers)
    try:
        setattr(parent, name, recorders)
        model.base_model(**_inputs(batch), use_cache=False)
    finally:
        setattr(parent, name, layers)
    return recorders[0].hidden, [each.call for each in recorders]


def _inputs(batch: Batch) -> dict[str, torch.Tensor]:
    """The model's own names for what the batch has."""
    found = {name: getattr(batch, field, None) for name, field in INPUTS.items()}
    visible = getattr(batch, "visible_Bx1xLxL", None)
    if visible is not None:
        found["attention_mask"] = visible
    return {name: tensor for name, tensor in found.items() if tensor is not None}


class _Recorder(nn.Module):
    """Stands in for a block: keeps what it is called with and passes the hidden state on."""

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        self.hidden, self.call = hidden_states, Call(args, kwargs)
        return hidden_states


def _groups(
    positions: list[int], schedules: Sequence[Schedule], most: int
) -> Iterator[tuple[list[int], Node]]:
    """Schedules in groups whose tree keeps at most `most` hidden states alive, if that can be."""
    tree = prefix_tree([schedules[i] for i in positions])
    if _order(tree) <= most or len(positions) == 1:
        yield positions, tree
        return
    middle = len(positions) // 2
    yield from _groups(positions[:middle], schedules, most)
    yield from _groups(positions[middle:], schedules, most)


def _order(node: Node) -> int:
    """Put the branch that needs most last in line, and return how many hidden states are alive at
    once: a node's own waits for every branch but the last."""
    needs = {step: _order(child) for step, child in node.children.items()}
    node.children = {step: node.children[step] for step in sorted(needs, key=needs.__getitem__)}
    most = sorted(needs.values(), reverse=True)
    return max([1, *most[:1], *(need + 1 for need in most[1:2])])


def _walk(
    tree: Node, layers: nn.ModuleList, hidden: torch.Tensor, calls: list[Call]
) -> Iterator[tuple[int, torch.Tensor]]:
    """Depth first through the tree: (position of a schedule, its last hidden state).

    A hidden state is dropped as soon as the last branch from it has begun.
    """
    waiting = _branches(tree, hidden)
    while waiting:
        node, step, state = waiting.pop()
        outputs = (layers[i](state, *calls[i].args, **calls[i].kwargs) for i in layers_of(step))
        state = next(outputs) if isinstance(step, int) else sum(outputs) / len(step)
        for end in node.ends:
            yield end, state
        waiting += _branches(node, state)


def _branches(node: Node, hidden: torch.Tensor) -> list[tuple[Node, Step, torch.Tensor]]:
    return [(child, step, hidden) for step, child in reversed(node.children.items())]
