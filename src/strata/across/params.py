"""Parameters of what joins the three papers."""

from typing import Annotated

from pydantic import Field

from strata.params.sections import PositiveInt, Resampled, Section


class AcrossAnatomyParams(Section):
    """Papers A and C on paper B's models; `affected` lists M, which must fit 12 and 18 layers."""

    batch_size: PositiveInt
    affected: Annotated[list[PositiveInt], Field(min_length=1)]


class AcrossPapersParams(Resampled):
    """Intervals over passages, items, documents and models; nulls from permuted layers."""

    permutations: Annotated[int, Field(ge=100)]


SECTIONS: dict[str, type[Section]] = {
    "across_anatomy": AcrossAnatomyParams,
    "across_papers": AcrossPapersParams,
}
