"""Parameters of benchmarks."""

from typing import Literal

from strata.params.sections import AtLeastTwo, Name, PositiveInt, Section, Seed


class BenchmarkParams(Section):
    """The benchmarks of paper C: those of the hub, or sets written for this repository."""

    source: Literal["hub", "authored"]
    tasks: list[Name]


class GlueItems(Section):
    """At most so many rows of each task, drawn without repetition."""

    train: PositiveInt
    validation: AtLeastTwo


class GlueSource(Section):
    """Where GLUE's rows come from; seed: of the rows drawn where a split has more than asked."""

    source: Literal["authored", "hub"]
    tasks: tuple[Name, ...]
    seed: Seed
