"""`sweep`, `scheduled` and `trace`, for models that compute inside them what they compute alone.

Any model of transformers may come. One that cannot be run in parts or in another order (because a
block hands on more than the hidden state, say) is found by trying it, once, on few tokens.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import torch
from tqdm import tqdm
from transformers import PreTrainedModel
from transformers.generation.utils import ALL_CACHE_NAMES
from transformers.utils import ModelOutput

from strata.errors import StrataError
from strata.execution.calls import Batch, ExecutionError
from strata.execution.partial import Trace, TracedBatch, finished, resume, traced_blocks
from strata.execution.scheduled import KV, counts_tokens, on_schedule, refuse_misfit
from strata.execution.sweep import swept
from strata.models import blocks
from strata.schedules import Schedule, full
from strata.text import TokenBatch

TOKENS, PREFILL = 12, 7
_passed: set[tuple[object, ...]] = set()
Result = TypeVar("Result")
AnyBatch = TypeVar("AnyBatch", bound=Batch)
Readout = Callable[[PreTrainedModel, torch.Tensor, AnyBatch], Result]


@contextmanager
def scheduled(model: PreTrainedModel, schedule: Schedule, kv: KV = "per_visit") -> Iterator[None]:
    """Run every call of the model on a schedule; the model is as before on exit, also on error.

    Args:
        kv: `per_visit` keeps keys and values of every layer execution, so that cached decoding is
            one pass; `averaged` is the released code's: a parallel step has one slot, which holds
            the mean keys and values of its layers.

    Raises:
        ExecutionError: already inside `scheduled`, the depths differ, layers that attend
            differently (full, sliding window) are to share a slot, no attention layer is left in
            a hybrid model, or the model is of a family that computes something else when its
            blocks run in another order.
    """
    refuse_misfit(model, schedule, kv)
    _check(model, _agrees, _decodes)
    counts = counts_tokens(model)
    with on_schedule(model, schedule, kv):
        if counts and not counts_tokens(model):
            raise ExecutionError(
                f"{_family(model)} counts the tokens it has seen in its attention layers, and the "
                f"schedule visits none of them; keep one, or use sweep"
            )
        yield


def sweep(
    model: PreTrainedModel,
    schedules: Sequence[Schedule],
    batches: Sequence[AnyBatch],
    readout: Readout[AnyBatch, Result],
    memory_gib: float = 2.0,
) -> list[list[Result]]:
    """What `readout(model, hidden_BxLxD, batch)` returns: [schedule][batch].

    Hidden states are those that leave the last step, before any final norm (as `passage_nll` and
    `finished` take them). The memory budget bounds the hidden states that wait for another branch;
    where it is too small for all schedules at once they run in groups, which then execute a shared
    prefix again.

    Raises:
        ScheduleError: a schedule is for another depth.
        ExecutionError: the model is of a family that computes something else when its blocks run
            in another order.
    """
    _check(model, _agrees)
    with tqdm(total=len(batches) * len(schedules), desc="sweep", delay=5, mininterval=5) as bar:
        return swept(model, schedules, batches, readout, memory_gib, bar.update)


def trace(model: PreTrainedModel, batch: Batch) -> Trace:
    """Run the model's body once and keep what enters each block.

    Raises:
        ExecutionError: the model is of a family whose blocks cannot be run one by one.
    """
    _check(model, _agrees)
    return traced_blocks(model, batch)


@torch.no_grad()
def traced(model: PreTrainedModel, batches: Sequence[TokenBatch]) -> list[TracedBatch]:
    """Run every batch once, so that experiments on one layer begin at that layer."""
    moved = [batch.to(model.device) for batch in batches]
    return [TracedBatch(batch, trace(model, batch)) for batch in moved]


class Sample(NamedTuple):
    """Few tokens; the second row is padded on the right."""

    ids_BxL: torch.Tensor
    mask_BxL: torch.Tensor

    def to(self, device: torch.device) -> "Sample":
        return Sample(*(each.to(device) for each in self))


def tolerance(dtype: torch.dtype) -> float:
    """How far two orders of the same arithmetic may be apart, of the largest value."""
    return 1e-4 if dtype in (torch.float32, torch.float64) else 0.05


def sample(model: PreTrainedModel) -> Sample:
    """Few tokens on the model's device, to try something on."""
    ids_BxL = (torch.arange(2 * TOKENS) * 7 % 30 + 5).view(2, TOKENS)
    mask_BxL = torch.ones_like(ids_BxL)
    mask_BxL[1, PREFILL:] = 0
    return Sample(ids_BxL, mask_BxL).to(model.device)


Check = Callable[[PreTrainedModel, Sample], None]


def _check(model: PreTrainedModel, *checks: Check) -> None:
    """Let each check raise, on a model of this kind once; dropout is off meanwhile."""
    kind = type(model), model.config.to_json_string(), model.dtype, model.device.type
    todo = [check for check in checks if (check, *kind) not in _passed]
    modes = {module: module.training for module in model.modules() if todo}
    model.train(model.training and not todo)
    try:
        for check in todo:
            _raising(check, model)
            _passed.add((check, *kind))
    finally:
        for module, mode in modes.items():
            module.training = mode


@torch.no_grad()
def _raising(check: Check, model: PreTrainedModel) -> None:
    try:
        check(model, sample(model))
    except StrataError:
        raise
    except Exception as error:  # whatever an unknown model does with a call it does not expect
        reason = (str(error).strip() or "no message").splitlines()[0]
        raise ExecutionError(
            f"{_family(model)} cannot run in parts or in another order: "
            f"{type(error).__name__}: {reason}"
        ) from error


def _agrees(model: PreTrainedModel, few: Sample) -> None:
    """The whole model, its blocks one by one, the sweep and `scheduled` give the same."""
    depth = len(blocks(model))
    mixed = _mixed(depth)
    read = lambda model, hidden, batch: _result(finished(model, hidden, batch))
    whole = _run(model, few)
    entered = traced_blocks(model, few)
    last = resume(blocks(model), entered, entered.inputs[0], 0)
    one_by_one = read(model, last, few)
    [[in_order], [reordered]] = swept(model, [full(depth), mixed], [few], read, 1.0)
    with on_schedule(model, mixed, "per_visit"):
        expected = _run(model, few)
    _compare(model, "its blocks one by one and the model", one_by_one, whole, few)
    _compare(model, "the sweep and the model", in_order, whole, few)
    _compare(model, "the sweep and the model in another order", reordered, expected, few)


def _decodes(model: PreTrainedModel, few: Sample) -> None:
    """Cached decoding equals one pass, for models that generate and have a cache."""
    depth = len(blocks(model))
    again = Schedule(depth, (*range(depth), 0))
    for schedule, where in (
        (full(depth), "alone"),
        (again, "with a layer again"),
        (_mixed(depth), "in another order"),
    ):
        with on_schedule(model, schedule, "per_visit"):
            decoded = _decoded(model, few.ids_BxL) if model.can_generate() else None
            if decoded is None:
                return
            whole = model(input_ids=few.ids_BxL, use_cache=False).logits
            model.generate(
                few.ids_BxL[:, :PREFILL], max_new_tokens=2, pad_token_id=0, do_sample=False
            )
        everywhere = few._replace(mask_BxL=torch.ones_like(few.mask_BxL))
        _compare(model, f"cached decoding and one pass {where}", decoded, whole, everywhere)


def _decoded(model: PreTrainedModel, ids_BxL: torch.Tensor) -> torch.Tensor | None:
    """Logits of a prompt and then of one token at a time; None if the model keeps no cache."""
    output = model(input_ids=ids_BxL[:, :PREFILL], use_cache=True)
    parts = [output.logits]
    for token_Bx1 in ids_BxL[:, PREFILL:].split(1, dim=1):
        cache = {name: output[name] for name in ALL_CACHE_NAMES if name in output}
        if not cache:
            return None
        output = model(input_ids=token_Bx1, **cache, use_cache=True)
        parts.append(output.logits)
    return torch.cat(parts, dim=1)


def _mixed(depth: int) -> Schedule:
    """The last layer first, all in parallel, the first last."""
    return Schedule(depth, (depth - 1, tuple(range(depth)), 0))


def _run(model: PreTrainedModel, few: Sample) -> torch.Tensor:
    return _result(model(input_ids=few.ids_BxL, attention_mask=few.mask_BxL, use_cache=False))


def _result(output: ModelOutput) -> torch.Tensor:
    return output.logits if "logits" in output else output.last_hidden_state


def _compare(
    model: PreTrainedModel, what: str, found: torch.Tensor, expected: torch.Tensor, few: Sample
) -> None:
    real = few.mask_BxL.bool()
    found_NxC, expected_NxC = found[real].double(), expected[real].double()
    largest = (found_NxC - expected_NxC).abs().max().item()
    allowed = tolerance(model.dtype) * (1 + expected_NxC.abs().max().item())
    if not largest <= allowed:
        raise ExecutionError(
            f"{_family(model)} cannot run in parts or in another order: {what} differ by up to "
            f"{largest:.2g}, expected at most {allowed:.2g}"
        )


def _family(model: PreTrainedModel) -> str:
    return f"{type(model).__name__} ({model.config.model_type})"
