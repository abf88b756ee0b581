"""Parameters of benchmarks."""

from typing import Annotated, Literal

from pydantic import Field

from strata.params.sections import PositiveInt, Section


class BenchmarkParams(Section):
    """The benchmarks of paper C; `local` is a folder with <task>/<split>.jsonl."""

    source: Literal["hub", "local", "authored"]
    local: str | None
    tasks: Annotated[list[str], Field(min_length=1)]


class GlueItems(Section):
    """At most so many rows of each task, drawn without repetition."""

    train: PositiveInt
    validation: Annotated[int, Field(ge=2)]


class GlueSource(Section):
    """Where GLUE's rows come from; `local` is a folder with <task>/<split>.jsonl.

    seed: of the rows that are drawn where a split has more than are asked for.
    """

    source: Literal["authored", "local", "hub"]
    local: str | None
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    seed: int
