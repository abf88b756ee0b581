"""What every section of the parameters is made of, and what every profile has."""

from collections import Counter
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from strata.errors import StrataError
from strata.yamls import Entry

MOST = 10**10
PositiveInt = Annotated[int, Field(gt=0, le=MOST)]
NonNegativeInt = Annotated[int, Field(ge=0, le=MOST)]
Positive = Annotated[float, Field(gt=0, le=MOST)]
NonNegative = Annotated[float, Field(ge=0, le=MOST)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]  # of a file or folder
Label = Annotated[str, Field(pattern=r"^[^/\\]*[^/\\. ][^/\\]*$")]  # shown, perhaps in a path


class ParamsError(StrataError, ValueError):
    """A parameter file is missing, malformed or asks for something impossible."""


class Section(Entry):
    """A group of parameters. Its lists hold something, and nothing twice."""

    MAY_BE_EMPTY: ClassVar[tuple[str, ...]] = ()
    MAY_REPEAT: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _lists_hold_something_once(self) -> Self:
        for field, value in self:
            if not isinstance(value, list | tuple) or field in self.MAY_BE_EMPTY + self.MAY_REPEAT:
                continue
            if not value:
                raise ValueError(f"{field}: expected at least one entry, found none")
            counts = Counter(getattr(each, "name", each) for each in value)
            twice = [each for each, count in counts.items() if count > 1]
            if twice:
                raise ValueError(f"{field}: expected each entry once, found {twice[0]} again")
        return self


class Resampled(Section):
    """What has bootstrap intervals: how many resamples, drawn from which seed."""

    resamples: Annotated[int, Field(ge=100)]
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
