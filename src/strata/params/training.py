"""Parameters of a training run."""

from typing import Annotated, Literal

from pydantic import Field

from strata.params.sections import NonNegative, NonNegativeInt, Positive, PositiveInt, Section, Seed

Precision = Literal["fp32", "bf16_autocast", "pure_bf16"]


class LoopParams(Section):
    """What all training runs of a stage share.

    batch_tokens: positions in a global batch; memory_gib: what activations may take, from which
    gradient accumulation follows; clip: largest gradient norm.
    """

    MAY_REPEAT = ("betas",)

    sequence_length: Annotated[int, Field(ge=2)]
    batch_tokens: PositiveInt
    memory_gib: Positive
    schedule: Literal["constant", "cosine"]
    warmup_steps: NonNegativeInt
    weight_decay: NonNegative
    betas: tuple[float, float]
    eps: Positive
    clip: Positive
    compile: bool
    validate_every: PositiveInt
    checkpoint_every: PositiveInt


class TrainingParams(LoopParams):
    """One training run. precision: fp32, bf16 compute on fp32 master weights, or bf16 weights."""

    steps: PositiveInt
    learning_rate: Positive
    precision: Precision
    seed: Seed
