"""What every section of the parameters is made of, and what every profile has."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from strata.errors import StrataError
from strata.yamls import Entry, Name

MOST = 10**10
PositiveInt = Annotated[int, Field(gt=0, le=MOST)]
NonNegativeInt = Annotated[int, Field(ge=0, le=MOST)]
AtLeastTwo = Annotated[PositiveInt, Field(ge=2)]
Few = Annotated[PositiveInt, Field(le=1000)]  # layers, passes, processes
Resamples = Annotated[PositiveInt, Field(ge=100, le=10**6)]
Positive = Annotated[float, Field(gt=0, le=MOST)]
NonNegative = Annotated[float, Field(ge=0, le=MOST)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Member = Annotated[str, Field(pattern=r"^\w[^/\\]*(/\w[^/\\]*)*$")]  # of a folder, at any depth
Label = Annotated[str, Field(pattern=r"^[^/\\]*[^/\\. ][^/\\]*$")]  # shown, perhaps in a path


class ParamsError(StrataError, ValueError):
    """A parameter file is missing, malformed or asks for something impossible."""


class Section(Entry):
    """A group of parameters. Its lists hold something."""

    MAY_BE_EMPTY: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _lists_hold_something(self) -> Self:
        for field, value in self:
            if value in ([], (), {}) and field not in self.MAY_BE_EMPTY:
                raise ValueError(f"{field}: expected at least one entry, found none")
        return self


class Resampled(Section):
    """What has bootstrap intervals: how many resamples, drawn from which seed."""

    resamples: Resamples
    seed: Seed


class Params(Section):
    """What names a run; every section of `strata.params.composed` comes on top.

    rank: see `strata.profiles`; params, root: where the file and the tree lie, seen from each
    other; local: a folder with copies of the hub's data in its field names, read where it exists.
    """

    profile: Name
    rank: NonNegativeInt
    params: str
    root: str
    local: str
