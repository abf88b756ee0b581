"""Recovery from noise: disturb one layer, train it alone, count the steps until it works again.

Paper A adds noise of half each matrix's standard deviation to one layer and trains it with all
others frozen. Nothing below the layer changes, so what enters it is computed once; nothing above
needs weight gradients.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.optim import AdamW, Optimizer
from transformers import PreTrainedModel

from strata.anatomy.perplexity import measure
from strata.execution import TracedBatch, passage_nll, resume
from strata.models import blocks
from strata.surgery import noised, preserved
from strata.training.errors import TrainingError

State = dict[str, object]


class Curve(NamedTuple):
    """Perplexity on the measured text at each checked step, and the training loss at each step."""

    steps: list[int]
    perplexities: list[float]
    losses: list[float]

    def recovered_at(self, threshold: float) -> int | None:
        """The first checked step at which perplexity is at most the threshold."""
        below = [s for s, p in zip(self.steps, self.perplexities, strict=True) if p <= threshold]
        return below[0] if below else None


class Task(NamedTuple):
    """One layer's recovery: where the noise comes from, and how it is trained and measured.

    checks: ascending steps at which perplexity is measured; the last one ends the run.
    threshold: perplexity at which the layer counts as recovered and training stops.
    """

    layer: int
    noise: float
    seed: int
    learning_rate: float
    checks: tuple[int, ...]
    threshold: float


def recover(
    model: PreTrainedModel,
    task: Task,
    train: Callable[[], Sequence[TracedBatch]],
    measured: Sequence[TracedBatch],
    saved: State | None = None,
    save: Callable[[State], None] = lambda state: None,
) -> Curve:
    """Disturb the layer, train it alone, and follow perplexity; the model is left as it was.

    Args:
        train: called, on the undisturbed model, if there is anything to recover from; one batch a
            step, in turn. Like `measured`, traced on the undisturbed model.
        saved: what `save` was given by an interrupted run, to go on from.
        save: called after each check in training that does not end the run.

    Raises:
        TrainingError: the training loss is not finite.
    """
    if saved is None:
        curve = _disturbed(model, task, measured)
        if _over(curve, task):
            return curve
    entered, block = train(), blocks(model)[task.layer]
    with preserved(model, task.layer), noised(model, task.layer, task.noise, task.seed):
        optimizer = _optimizer(block, task)
        if saved is not None:
            curve = _restored(saved, block, optimizer)
        try:
            for step in range(curve.steps[-1], task.checks[-1]):
                curve.losses.append(_step(model, optimizer, task, step, entered))
                if step + 1 in task.checks:
                    curve.steps.append(step + 1)
                    curve.perplexities.append(measure(model, measured, task.layer).perplexity)
                    if _over(curve, task):
                        break
                    save(_state(curve, block, optimizer))
        finally:
            block.requires_grad_(False)
            block.zero_grad()
    return curve


def _disturbed(model: PreTrainedModel, task: Task, measured: Sequence[TracedBatch]) -> Curve:
    with noised(model, task.layer, task.noise, task.seed):
        return Curve([0], [measure(model, measured, task.layer).perplexity], [])


def _over(curve: Curve, task: Task) -> bool:
    recovered = curve.recovered_at(task.threshold) is not None
    return recovered or curve.steps[-1] == task.checks[-1]


def _optimizer(block: nn.Module, task: Task) -> Optimizer:
    block.requires_grad_(True)
    return AdamW(block.parameters(), lr=task.learning_rate, weight_decay=0.0, fused=True)


def _step(
    model: PreTrainedModel,
    optimizer: Optimizer,
    task: Task,
    step: int,
    entered: Sequence[TracedBatch],
) -> float:
    loss = _loss(model, entered[step % len(entered)], task.layer)
    if not torch.isfinite(loss):
        raise TrainingError(
            f"layer {task.layer}, step {step}: training loss is {loss.item()}; "
            f"lower anatomy_recovery.learning_rate ({task.learning_rate})"
        )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _loss(model: PreTrainedModel, entered: TracedBatch, layer: int) -> torch.Tensor:
    batch, trace = entered
    hidden_BxLxD = resume(blocks(model), trace, trace.inputs[layer], layer)
    tokens = batch.mask_BxL.sum() - len(batch.rows)
    return passage_nll(model, hidden_BxLxD, batch).sum() / tokens


def _state(curve: Curve, block: nn.Module, optimizer: Optimizer) -> State:
    return {
        "curve": curve._asdict(),
        "block": block.state_dict(),
        "optimizer": optimizer.state_dict(),
    }


def _restored(saved: State, block: nn.Module, optimizer: Optimizer) -> Curve:
    block.load_state_dict(saved["block"])
    optimizer.load_state_dict(saved["optimizer"])
    return Curve(**saved["curve"])
