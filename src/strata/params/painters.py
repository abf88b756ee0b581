"""Parameters of paper C's experiments."""

from typing import Annotated, Literal

from pydantic import Field

from strata.params.sections import PositiveInt, Section


class BenchmarkParams(Section):
    """The benchmarks of paper C; `local` is a folder with <task>/<split>.jsonl."""

    source: Literal["hub", "local", "authored"]
    local: str | None
    tasks: Annotated[list[str], Field(min_length=1)]


class Measured(Section):
    """What every experiment of paper C shares: arithmetic, batches, intervals, one seed."""

    dtype: Literal["float32", "bfloat16"]
    batch_size: PositiveInt
    memory_gib: Annotated[float, Field(gt=0)]
    resamples: Annotated[int, Field(ge=100)]
    seed: int


class SimilarityParams(Section):
    """Paper C, similarity of hidden states; `passages` of the evaluation text."""

    batch_size: PositiveInt
    passages: Annotated[int, Field(ge=2)]
    resamples: Annotated[int, Field(ge=100)]
    seed: int


class SingleLayerParams(Measured):
    """Paper C, single layers left out or swapped; LAMBADA items of the model and of a null."""

    items: PositiveInt
    null_items: PositiveInt


class VariantParams(Measured):
    """Paper C, all variants; `affected` lists M, which must fit the depth."""

    items: PositiveInt
    null_items: PositiveInt
    noise_items: PositiveInt
    affected: Annotated[list[PositiveInt], Field(min_length=2)]
    orders: PositiveInt
    loops: Annotated[int, Field(ge=2)]


class PaintersLoopParams(Measured):
    """Paper C, looped parallel: every number of passes from 1 to `most_loops`."""

    items: PositiveInt
    null_items: PositiveInt
    affected: Annotated[list[PositiveInt], Field(min_length=2)]
    most_loops: Annotated[int, Field(ge=2)]


class GenerationParams(Measured):
    """Paper C, generation with each kind of cache."""

    items: PositiveInt
    shots: Annotated[int, Field(ge=0)]
    max_new_tokens: PositiveInt
    affected: Annotated[list[PositiveInt], Field(min_length=1)]
    loops: Annotated[int, Field(ge=2)]
