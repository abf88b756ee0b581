"""Parameters of benchmarks."""

from typing import Annotated, Literal

from pydantic import Field

from strata.params.sections import PositiveInt, Section, Seed


class BenchmarkParams(Section):
    """The benchmarks of paper C: those of the hub, or sets written for this repository."""

    source: Literal["hub", "authored"]
    tasks: Annotated[list[str], Field(min_length=1)]


class GlueItems(Section):
    """At most so many rows of each task, drawn without repetition."""

    train: PositiveInt
    validation: Annotated[int, Field(ge=2)]


class GlueSource(Section):
    """Where GLUE's rows come from; seed: of the rows drawn where a split has more than asked."""

    source: Literal["authored", "hub"]
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    seed: Seed
