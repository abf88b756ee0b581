"""Parameters of paper B's experiments."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from strata.lws.scaling import PUBLISHED, layer_shapes, proportional
from strata.params.sections import (
    AtLeastTwo,
    Few,
    Name,
    Positive,
    PositiveInt,
    Resampled,
    Section,
    Seed,
)
from strata.params.training import LoopParams, Precision


def _width(d_model: int) -> int:
    proportional(d_model, PUBLISHED.vocabulary)
    return d_model


def _variant(name: str) -> str:
    layer_shapes(name)
    return name


Width = Annotated[PositiveInt, AfterValidator(_width)]
Variant = Annotated[str, AfterValidator(_variant)]


class LwsArchitectureParams(Section):
    """Paper B's published run, for what follows from it by arithmetic."""

    sequence_length: PositiveInt
    published_steps: PositiveInt
    published_sequences: PositiveInt


class LwsGroup(Section):
    """Runs that belong together: each variant with each reader and seed, at one width."""

    name: Name
    variants: tuple[Variant, ...]
    readers: tuple[Literal["correct", "as_published"], ...]
    seeds: tuple[Seed, ...]
    d_model: Width
    steps: PositiveInt
    learning_rate: Positive
    precision: Precision
    shuffled_depth_roles: bool = False


class LwsTrainParams(Section):
    """Paper B's training runs, groups in order of priority.

    workers: runs at a time; validation_documents: held-out documents each run is measured on.
    """

    workers: Few
    validation_documents: AtLeastTwo
    loop: LoopParams
    groups: tuple[LwsGroup, ...]


class LwsThroughputParams(Section):
    """Paper B's training speed. peak_tflops: the device's dense peak, from which MFU follows."""

    d_model: Width
    vocabulary: PositiveInt
    sequence_length: PositiveInt
    sequences: PositiveInt
    warmup_steps: PositiveInt
    steps: PositiveInt
    rounds: Annotated[Few, Field(ge=2)]
    compile: tuple[bool, ...]
    precision: Precision
    peak_tflops: Positive | None


SECTIONS: dict[str, type[Section]] = {
    "lws_architecture": LwsArchitectureParams,
    "lws_train": LwsTrainParams,
    "lws_compare": Resampled,
    "lws_throughput": LwsThroughputParams,
}
