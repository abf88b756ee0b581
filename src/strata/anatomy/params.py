"""Parameters of paper A's experiments."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from strata.params.sections import (
    AtLeastTwo,
    Few,
    Member,
    NonNegative,
    NonNegativeInt,
    Positive,
    PositiveInt,
    Resampled,
    Resamples,
    Section,
    Seed,
)
from strata.params.sources import ModelParams, TextParams


class AblationParams(Resampled):
    """Paper A's per-layer ablation."""

    batch_size: PositiveInt
    skip_passages: PositiveInt
    null_passages: PositiveInt
    draws: PositiveInt
    draw_size: AtLeastTwo

    @model_validator(mode="after")
    def _draws_fit(self) -> Self:
        most = min(self.skip_passages, self.null_passages)
        if self.draw_size > most:
            raise ValueError(
                f"draw_size must be at most skip_passages and null_passages, {most}; found "
                f"{self.draw_size}: lower it, or measure more passages"
            )
        return self


class SharedOut(Section):
    """workers: processes of one thread each that share the work; 1: this one, with all threads."""

    workers: Few


class EditedParams(SharedOut, Resampled):
    """Passages on which an edited model, or a null of it, is measured."""

    passages: PositiveInt
    null_passages: PositiveInt
    batch_size: PositiveInt


class WeightsParams(EditedParams):
    """Paper A's weight prediction and delta correlation."""

    counts: tuple[Few, ...]
    random_choices: PositiveInt
    shuffles: PositiveInt


class RecoveryParams(SharedOut):
    """Paper A's recovery from noise."""

    layers: tuple[NonNegativeInt, ...] | None
    noise: Positive
    seeds: tuple[Seed, ...]
    learning_rate: Positive
    tolerance: NonNegative
    checks: Annotated[tuple[NonNegativeInt, ...], Field(min_length=2)]
    train_text: TextParams
    batch_size: PositiveInt
    max_tokens: AtLeastTwo
    measured_passages: PositiveInt
    same_text_passages: PositiveInt
    resamples: Resamples

    @model_validator(mode="after")
    def _checks_ascend_from_zero(self) -> Self:
        if self.checks[:1] != (0,) or list(self.checks) != sorted(set(self.checks)):
            raise ValueError("checks must ascend from 0")
        return self


class ManipulationParams(EditedParams):
    """Paper A's manipulations of redundant layers."""

    redundant: Few
    named: tuple[NonNegativeInt, ...]
    alphas: tuple[NonNegative, ...]

    @model_validator(mode="after")
    def _published_alpha_is_tried(self) -> Self:
        if 0.9 not in self.alphas:
            raise ValueError(f"alphas must hold 0.9, as published; found {self.alphas}: add it")
        return self


class StructureParams(Resampled):
    """What layers look like, against what ablating them costs."""

    passages: PositiveInt
    batch_size: PositiveInt


class GrowthPhase(Section):
    """A phase of growth training: how long, and which roles' layers train."""

    name: str
    epochs: PositiveInt
    roles: tuple[str, ...]
    scale_anti: bool = False


class GrowthParams(SharedOut):
    """Paper A's growth training against uniform training.

    uniform_epochs: what uniform training is said to get where the phases get theirs; counted only.
    """

    texts: tuple[Member, ...]
    held_out: AtLeastTwo
    vocabulary: Annotated[PositiveInt, Field(ge=257)]
    layers: Few
    width: PositiveInt
    feed_forward: PositiveInt
    heads: PositiveInt
    sequence_length: AtLeastTwo
    batch_size: PositiveInt
    steps: PositiveInt
    half_budget: Annotated[float, Field(gt=0, le=1)]
    learning_rate: Positive
    anti_scale: NonNegative
    roles: dict[str, tuple[NonNegativeInt, ...]]
    phases: tuple[GrowthPhase, ...]
    uniform_epochs: PositiveInt
    checks: PositiveInt
    checkpoint_every: PositiveInt
    seeds: Annotated[tuple[Seed, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width {self.width}: expected a multiple of {2 * self.heads}, so that each of "
                f"{self.heads} heads has an even number of channels"
            )
        return self

    @model_validator(mode="after")
    def _steps_hold_the_phases(self) -> Self:
        if self.steps < len(self.phases):
            raise ValueError(f"steps {self.steps}: expected one a phase, {len(self.phases)}")
        return self

    @model_validator(mode="after")
    def _roles_cover_the_layers(self) -> Self:
        members = sorted(layer for layers in self.roles.values() for layer in layers)
        if members != list(range(self.layers)):
            raise ValueError(f"roles must hold each of layers 0 to {self.layers - 1} once")
        unknown = {role for phase in self.phases for role in phase.roles} - self.roles.keys()
        if unknown:
            raise ValueError(f"phases name unknown roles: {', '.join(sorted(unknown))}")
        if "anti" not in self.roles:
            raise ValueError("roles must name the anti-layers, even if there are none: anti: []")
        return self


SECTIONS: dict[str, type[Section]] = {
    "anatomy_model": ModelParams,
    "anatomy_weights": WeightsParams,
    "anatomy_ablation": AblationParams,
    "anatomy_recovery": RecoveryParams,
    "anatomy_manipulation": ManipulationParams,
    "anatomy_structure": StructureParams,
    "anatomy_growth": GrowthParams,
}
