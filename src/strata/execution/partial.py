"""Running parts of a model: from any block to the end, and from the last block to its scores."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from strata.execution.calls import (
    Batch,
    Call,
    ExecutionError,
    in_place_of_blocks,
    inputs,
    leaving,
    stand_ins,
)
from strata.models import blocks
from strata.text import TokenBatch

HEAD_ROWS = 1024


class Trace(NamedTuple):
    """What each block received in one forward pass.

    inputs: T + 1 hidden states BxLxD; inputs[i] enters block i and inputs[T] leaves the last.
    calls: how the model called each of the T blocks (mask, rotary embeddings...).
    """

    inputs: list[torch.Tensor]
    calls: list[Call]


class TracedBatch(NamedTuple):
    """A batch on the model's device and what entered each block when it was run."""

    batch: TokenBatch
    trace: Trace


def traced_blocks(model: PreTrainedModel, batch: Batch) -> Trace:
    """`trace`, whether or not the blocks can be run one by one."""
    calls: list[Call] = []
    left: list[torch.Tensor] = []

    def entering(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        calls.append(Call(args, kwargs))

    def last(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        left.append(leaving(output))

    layers = blocks(model)
    with ExitStack() as hooks:
        for layer in layers:
            hook = layer.register_forward_pre_hook(entering, with_kwargs=True)
            hooks.callback(hook.remove)
        hooks.callback(layers[-1].register_forward_hook(last).remove)
        model.base_model(**inputs(batch), use_cache=False)
    return Trace([call.hidden for call in calls] + left, calls)


def resume(
    layers: Sequence[nn.Module], entered: Trace, hidden_BxLxD: torch.Tensor, start: int
) -> torch.Tensor:
    """Run blocks `start`..T-1 on a hidden state; return what leaves the last, BxLxD."""
    for layer, call in zip(layers[start:], entered.calls[start:], strict=True):
        hidden_BxLxD = call.run(layer, hidden_BxLxD)
    return hidden_BxLxD


def finished(model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: Batch) -> ModelOutput:
    """The model's own output on the batch, as if `hidden_BxLxD` had left its last block.

    Norms, projections, scaling and soft caps behind the blocks are the model's.
    """
    with in_place_of_blocks(model, stand_ins(model, lambda _: hidden_BxLxD)):
        return model(**inputs(batch), use_cache=False)


def logits_at(
    model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: Batch, asked_BxL: torch.Tensor
) -> Iterator[torch.Tensor]:
    """The model's logits at the asked positions, float32, in pieces of up to HEAD_ROWS x V.

    Its head sees no other positions.

    Raises:
        ExecutionError: the model has no language-model head.
    """
    head = model.get_output_embeddings()
    for row, column in zip(*(each.split(HEAD_ROWS) for each in asked_BxL.nonzero().T), strict=True):
        keep = lambda _, args, row=row, column=column: (args[0][row, column][None], *args[1:])
        with ExitStack() as hooks:
            if head is not None:
                hooks.callback(head.register_forward_pre_hook(keep).remove)
            output = finished(model, hidden_BxLxD, batch)
        if "logits" not in output:
            raise ExecutionError(f"{type(model).__name__} has no language-model head to score with")
        chosen = output.logits.shape[:2] == (1, len(row))
        yield (output.logits[0] if chosen else output.logits[row, column]).float()


def passage_nll(
    model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: TokenBatch
) -> torch.Tensor:
    """Summed negative log-likelihood of each passage in nats: B, float64.

    Every token but a passage's first is scored.
    """
    scored_BxL = batch.mask_BxL[:, 1:].bool()
    asked_BxL = nn.functional.pad(scored_BxL, (0, 1))
    targets_N = batch.ids_BxL[:, 1:][scored_BxL]
    losses = [
        nn.functional.cross_entropy(logits, targets, reduction="none")
        for logits, targets in zip(
            logits_at(model, hidden_BxLxD, batch, asked_BxL),
            targets_N.split(HEAD_ROWS),
            strict=True,
        )
    ]
    nll_BxL = torch.zeros(scored_BxL.shape, dtype=torch.float64, device=targets_N.device)
    nll_BxL[scored_BxL] = torch.cat(losses).double()
    return nll_BxL.sum(dim=1)
