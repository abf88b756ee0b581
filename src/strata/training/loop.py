"""The training loop.

A run killed at any step and started again ends in the same losses, bit for bit on one machine: the
data of a step follows from its number, and a checkpoint holds everything else.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer
from tqdm import tqdm
from transformers import PreTrainedModel

from strata.params.training import Precision, TrainingParams
from strata.training.attention import without_masks
from strata.training.budget import learning_rate, micro_batch, shared_out
from strata.training.compiling import compiled, compiled_loss, next_token_loss
from strata.training.curves import curves
from strata.training.data import Sequences
from strata.training.distributed import World
from strata.training.errors import TrainingError
from strata.work import restore, save

CHECKPOINT = "checkpoint.pt"
Validate = Callable[[PreTrainedModel], float]


class History(NamedTuple):
    """Loss in nats per position: of every step's batch, and [step, loss] on the fixed grid."""

    losses: list[float]
    validation: list[list[float]]


class NextTokenLoss(nn.Module):
    """A decoder with its mean cross-entropy in fp32: what DDP wraps."""

    def __init__(self, model: PreTrainedModel, compile: bool = False) -> None:
        super().__init__()
        self.model = model
        self.loss = compiled_loss() if compile else next_token_loss

    def forward(self, ids_BxL: torch.Tensor) -> torch.Tensor:
        return self.loss(self.model(input_ids=ids_BxL, use_cache=False).logits, ids_BxL)


def train(
    model: PreTrainedModel,
    data: Sequences,
    params: TrainingParams,
    world: World,
    folder: Path | None,
    validate: Validate,
) -> History:
    """Train a model in place, from its last checkpoint in `folder` if there is one; without a
    folder nothing is kept.

    Raises:
        TrainingError: a batch that cannot be shared out, a non-finite loss, another run's folder.
        WorkError: a checkpoint that is damaged or cannot be written.
    """
    model.to(world.device, torch.bfloat16 if params.precision == "pure_bf16" else torch.float32)
    optimizer = _optimizer(model, params)
    sequences = shared_out(params, world)
    micro = micro_batch(model, sequences, params)
    start, history = _restore(model, optimizer, params, world, folder)
    loss_of = world.wrapped(NextTokenLoss(model.train(), params.compile))
    regions = compiled(model) if params.compile else nullcontext()
    name = folder.name if folder else "training"
    steps = tqdm(range(start, params.steps), name, params.steps, initial=start, disable=None)
    with without_masks(model), regions, curves(folder, world.rank) as log:
        for step in steps:
            rate = learning_rate(params, step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            batch = data.batch(step, sequences * world.size)
            mine = batch[world.rank * sequences : (world.rank + 1) * sequences].to(world.device)
            loss = world.mean(_backward(loss_of, mine.split(micro), params.precision))
            if not math.isfinite(loss):
                raise TrainingError(
                    f"step {step + 1}: the loss is {loss}. The last checkpoint in {folder} is from "
                    f"before it; set a lower learning_rate or clip"
                )
            nn.utils.clip_grad_norm_(model.parameters(), params.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            history.losses.append(loss)
            log(step + 1, train_loss=loss, learning_rate=rate)
            last = step + 1 == params.steps
            if last or (step + 1) % params.validate_every == 0:
                with torch.compiler.set_stance("force_eager"):  # other shapes than training's
                    value = validate(model)
                history.validation.append([step + 1, value])
                log(step + 1, validation_loss=value)
            if folder and world.rank == 0 and (last or (step + 1) % params.checkpoint_every == 0):
                save(folder / CHECKPOINT, _state(model, optimizer, params, step + 1, history))
    return history


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager:
    """bf16 compute on fp32 weights where asked for, else nothing."""
    if precision == "bf16_autocast":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def _backward(
    loss_of: nn.Module, parts: tuple[torch.Tensor, ...], precision: Precision
) -> torch.Tensor:
    """Accumulate gradients over a process's micro-batches, reduced once; the mean loss."""
    total = torch.zeros((), device=parts[0].device)
    for number, ids_BxL in enumerate(parts, start=1):
        waiting = number < len(parts) and hasattr(loss_of, "no_sync")
        with loss_of.no_sync() if waiting else nullcontext():
            with autocast(precision, ids_BxL.device):
                loss = loss_of(ids_BxL) / len(parts)
            loss.backward()
        total += loss.detach()
    return total


def _optimizer(model: PreTrainedModel, params: TrainingParams) -> torch.optim.AdamW:
    """Fused AdamW; the embedding does not decay."""
    embedding = model.get_input_embeddings().weight
    others = [parameter for parameter in model.parameters() if parameter is not embedding]
    groups = [
        {"params": others, "weight_decay": params.weight_decay},
        {"params": [embedding], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, params.learning_rate, betas=params.betas, eps=params.eps, fused=True
    )


def _state(
    model: PreTrainedModel,
    optimizer: Optimizer,
    params: TrainingParams,
    step: int,
    history: History,
) -> dict[str, Any]:
    return {
        "step": step,
        "params": params.model_dump(mode="json"),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": history._asdict(),
    }


def _restore(
    model: PreTrainedModel,
    optimizer: Optimizer,
    params: TrainingParams,
    world: World,
    folder: Path | None,
) -> tuple[int, History]:
    state = restore(folder / CHECKPOINT, world.device) if folder else None
    if state is None:
        return 0, History([], [])
    if state["params"] != params.model_dump(mode="json"):
        raise TrainingError(
            f"{folder}: its checkpoint is of a run with other parameters; delete the folder"
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], History(**state["history"])
