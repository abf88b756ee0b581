"""Many schedules over the same inputs in one pass: each distinct prefix of steps runs once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from strata.execution.calls import Batch, Call, in_place_of_blocks, inputs, mean, stand_ins
from strata.models import blocks
from strata.schedules import (
    THROUGH,
    Node,
    Schedule,
    ScheduleError,
    Step,
    members_of,
    prefix_tree,
)

GIBIBYTE = 2**30


@torch.no_grad()
def swept(
    model: PreTrainedModel,
    schedules: Sequence[Schedule],
    batches: Sequence[Batch],
    readout: Callable[[PreTrainedModel, torch.Tensor, Batch], Any],
    memory_gib: float,
    done: Callable[[], object] = lambda: None,
) -> list[list[Any]]:
    """`sweep`, whether or not the model agrees with it; `done` is called after each readout."""
    layers = blocks(model)
    for schedule in schedules:
        if schedule.depth != len(layers):
            raise ScheduleError(f"T={schedule.depth}: the model has T={len(layers)}")
    results: list[list[Any]] = [[None] * len(batches) for _ in schedules]
    for place, batch in enumerate(each.to(model.device) for each in batches):
        calls = _entry(model, batch)
        hidden = calls[0].hidden
        most = int(memory_gib * GIBIBYTE / hidden.nbytes)
        for group, tree in _groups(list(range(len(schedules))), schedules, most):
            for end, state in _walk(tree, layers, hidden, calls):
                results[group[end]][place] = readout(model, state, batch)
                done()
    return results


def _entry(model: PreTrainedModel, batch: Batch) -> list[Call]:
    """How the model calls every block on what enters the first; no block runs."""
    calls: list[Call] = []

    def record(call: Call) -> torch.Tensor:
        calls.append(call)
        return call.hidden

    with in_place_of_blocks(model, stand_ins(model, record)):
        model.base_model(**inputs(batch), use_cache=False)
    return calls


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
        outputs = (
            state if member == THROUGH else calls[member].run(layers[member], state)
            for member in members_of(step)
        )
        state = next(outputs) if isinstance(step, int) else mean(outputs, len(step), state.device)
        for end in node.ends:
            yield end, state
        waiting += _branches(node, state)


def _branches(node: Node, hidden: torch.Tensor) -> list[tuple[Node, Step, torch.Tensor]]:
    return [(child, step, hidden) for step, child in reversed(node.children.items())]
