"""Parameters of a training run."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from strata.params.sections import (
    AtLeastTwo,
    NonNegative,
    NonNegativeInt,
    Positive,
    PositiveInt,
    Section,
    Seed,
)

Beta = Annotated[float, Field(ge=0, lt=1)]
Precision = Literal["fp32", "bf16_autocast", "pure_bf16"]


class LoopParams(Section):
    """What all training runs of a stage share.

    batch_tokens: positions in a global batch; memory_gib: what activations may take, from which
    gradient accumulation follows; clip: largest gradient norm.
    """

    MAY_REPEAT = ("betas",)

    sequence_length: AtLeastTwo
    batch_tokens: PositiveInt
    memory_gib: Positive
    schedule: Literal["constant", "cosine"]
    warmup_steps: NonNegativeInt
    weight_decay: NonNegative
    betas: tuple[Beta, Beta]
    eps: Positive
    clip: Positive
    compile: bool
    validate_every: PositiveInt
    checkpoint_every: PositiveInt

    @model_validator(mode="after")
    def _whole_sequences(self) -> Self:
        if self.batch_tokens % self.sequence_length:
            raise ValueError(
                f"batch_tokens {self.batch_tokens}: expected a multiple of sequence_length "
                f"{self.sequence_length}"
            )
        return self


class TrainingParams(LoopParams):
    """One training run. precision: fp32, bf16 compute on fp32 master weights, or bf16 weights."""

    steps: PositiveInt
    learning_rate: Positive
    precision: Precision
    seed: Seed
