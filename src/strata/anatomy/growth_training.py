"""Training the small model of paper A's growth experiment under a list of phases."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.optim import AdamW, Optimizer
from transformers import LlamaConfig, LlamaForCausalLM

from strata.anatomy.growth import Cost, Phase
from strata.anatomy.params import GrowthParams
from strata.models import blocks
from strata.params import ParamsError
from strata.text.bpe import train_bpe
from strata.training.budget import warm_then_cosine
from strata.training.errors import TrainingError

WARM_UP_STEPS = 10
NGRAM = 8
SEED_STRIDE = 1_000_003


class Split(NamedTuple):
    """Token ids for training and validation (1-D), and how far they overlap.

    overlap: share of the validation text's runs of eight tokens that occur in the training text.
    """

    train: torch.Tensor
    validation: torch.Tensor
    overlap: float


class Run(NamedTuple):
    """Validation loss in nats per token at checked steps, and seconds spent in training steps."""

    steps: list[int]
    losses: list[float]
    seconds: float


def splits(passages: Sequence[str], vocabulary: int, held_out: int) -> dict[str, Split]:
    """Two settings from the same passages: `clean` holds out every `held_out`-th passage,
    `overlap` validates on those same passages but trains on all of them."""
    tokenizer = train_bpe(passages, vocabulary, special_tokens=[])
    ids = [tokenizer.encode(passage + "\n").ids for passage in passages]
    kept = [each for place, each in enumerate(ids) if place % held_out]
    held = [each for place, each in enumerate(ids) if place % held_out == 0]
    return {"clean": _split(kept, held), "overlap": _split(ids, held)}


def _split(train: list[list[int]], validation: list[list[int]]) -> Split:
    seen = {gram for passage in train for gram in _grams(passage)}
    grams = [gram for passage in validation for gram in _grams(passage)]
    overlap = sum(gram in seen for gram in grams) / max(1, len(grams))
    return Split(_joined(train), _joined(validation), overlap)


def _joined(passages: list[list[int]]) -> torch.Tensor:
    return torch.tensor(list(chain.from_iterable(passages)))


def _grams(ids: list[int]) -> Iterator[tuple[int, ...]]:
    return (tuple(ids[start : start + NGRAM]) for start in range(len(ids) - NGRAM + 1))


def check_fits(splits: Mapping[str, Split], params: GrowthParams) -> None:
    """Check that there is a batch of training text, and a sequence to validate on.

    Raises:
        ParamsError: there is not.
    """
    batch = params.batch_size * params.sequence_length
    for name, split in splits.items():
        if len(split.train) < batch or len(split.validation) < params.sequence_length:
            raise ParamsError(
                f"anatomy_growth.texts: found {len(split.train)} tokens to train on and "
                f"{len(split.validation)} to validate on ({name}), expected at least a batch of "
                f"{batch} and a sequence of {params.sequence_length}: add text, or lower batch_size"
            )


def config(params: GrowthParams) -> LlamaConfig:
    """The model's configuration: Llama blocks, every head with its own keys, tied embeddings."""
    return LlamaConfig(
        vocab_size=params.vocabulary,
        hidden_size=params.width,
        intermediate_size=params.feed_forward,
        num_hidden_layers=params.layers,
        num_attention_heads=params.heads,
        num_key_value_heads=params.heads,
        max_position_embeddings=params.sequence_length,
        tie_word_embeddings=True,
    )


def build(params: GrowthParams, seed: int) -> LlamaForCausalLM:
    """A freshly initialised model; the seed decides its weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config(params))
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def cost(model: LlamaForCausalLM) -> Cost:
    """Weights that a token passes through: one block's, and the head's (the embedding is tied)."""
    per_layer = sum(parameter.numel() for parameter in blocks(model)[0].parameters())
    return Cost(per_layer, model.lm_head.weight.numel(), len(blocks(model)))


def train(
    params: GrowthParams,
    split: Split,
    phases: Sequence[Phase],
    anti: Sequence[int],
    seed: int,
    saved: dict[str, Any] | None = None,
    save: Callable[[dict[str, Any]], None] = lambda state: None,
) -> Run:
    """Train a fresh model under the phases and validate along the way.

    Batches depend on seed and step alone. A phase begins with a fresh optimizer and warms up; its
    learning rate then falls along a cosine to a tenth.

    Args:
        anti: layers that are scaled by `params.anti_scale` when a phase asks for it.
        saved, save: as in `recovery.recover`.

    Raises:
        TrainingError: the loss is not finite.
    """
    model = build(params, seed)
    run, begin = Run([], [], 0.0), 0
    optimizer_state = None
    if saved is not None:
        model.load_state_dict(saved["model"])
        run, begin, optimizer_state = Run(**saved["run"]), saved["step"], saved["optimizer"]
    total = phases[-1].stop
    checks = _checks(total, params.checks)
    for phase in phases:
        if phase.stop <= begin:
            continue
        if begin <= phase.start and phase.scale_anti:
            _scale(model, anti, params.anti_scale)
        optimizer = _optimizer(model, phase, params)
        if optimizer_state is not None and phase.start < begin:
            optimizer.load_state_dict(optimizer_state)
        for step in range(max(begin, phase.start), phase.stop):
            started = time.perf_counter()
            _step(model, optimizer, split, params, phase, step, seed)
            run = run._replace(seconds=run.seconds + time.perf_counter() - started)
            if step + 1 in checks:
                run.steps.append(step + 1)
                run.losses.append(validation_loss(model, split.validation, params))
            if (step + 1) % params.checkpoint_every == 0 and step + 1 < phase.stop:
                save(_state(model, optimizer, run, step + 1))
    return run


def _step(
    model: LlamaForCausalLM,
    optimizer: Optimizer,
    split: Split,
    params: GrowthParams,
    phase: Phase,
    step: int,
    seed: int,
) -> None:
    inputs = _windows(split.train, params, seed * SEED_STRIDE + step).to(model.device)
    loss = model(input_ids=inputs, labels=inputs, use_cache=False).loss
    if not torch.isfinite(loss):
        raise TrainingError(
            f"phase {phase.name}, layers {phase.trained}, step {step}: loss is {loss.item()}; "
            f"lower anatomy_growth.learning_rate ({params.learning_rate})"
        )
    for group in optimizer.param_groups:
        group["lr"] = params.learning_rate * _share(step - phase.start, phase.stop - phase.start)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def _windows(tokens: torch.Tensor, params: GrowthParams, seed: int) -> torch.Tensor:
    """A batch of random windows, (B, L)."""
    generator = torch.Generator().manual_seed(seed)
    last = len(tokens) - params.sequence_length
    starts = torch.randint(0, last + 1, (params.batch_size,), generator=generator)
    return torch.stack([tokens[start : start + params.sequence_length] for start in starts])


@torch.no_grad()
def validation_loss(model: LlamaForCausalLM, tokens: torch.Tensor, params: GrowthParams) -> float:
    """Mean nats per predicted token over consecutive windows of the validation text."""
    count = len(tokens) // params.sequence_length
    windows = tokens[: count * params.sequence_length].view(count, -1).to(model.device)
    losses = [
        model(input_ids=part, labels=part, use_cache=False).loss.double() * len(part)
        for part in windows.split(32)
    ]
    return float(sum(losses) / count)


def _optimizer(model: LlamaForCausalLM, phase: Phase, params: GrowthParams) -> Optimizer:
    model.zero_grad()  # a layer frozen from here on has no part in the gradient's norm
    model.requires_grad_(True)
    for layer, block in enumerate(blocks(model)):
        block.requires_grad_(layer in phase.trained)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return AdamW(trained, lr=params.learning_rate, weight_decay=0.01, fused=True)


def _share(step: int, steps: int) -> float:
    return warm_then_cosine(step, steps, warm=min(WARM_UP_STEPS, max(1, steps // 5)))


@torch.no_grad()
def _scale(model: LlamaForCausalLM, layers: Sequence[int], alpha: float) -> None:
    for layer in layers:
        for parameter in blocks(model)[layer].parameters():
            if parameter.dim() == 2:
                parameter.mul_(alpha)


def _checks(steps: int, count: int) -> set[int]:
    return {int(check) for check in np.unique(np.linspace(0, steps, count + 1).round())[1:]}


def _state(model: LlamaForCausalLM, optimizer: Optimizer, run: Run, step: int) -> dict[str, Any]:
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "run": run._asdict(),
        "step": step,
    }
