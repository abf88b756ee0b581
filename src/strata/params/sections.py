"""What every section of the parameters is made of, and what every profile has."""

from typing import Annotated

from pydantic import Field

from strata.errors import StrataError
from strata.yamls import Entry

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class ParamsError(StrataError, ValueError):
    """A parameter file is missing, malformed or asks for something impossible."""


class Section(Entry):
    """A group of parameters: frozen, and unknown keys are refused."""


class Resampled(Section):
    """What has bootstrap intervals: how many resamples, drawn from which seed."""

    resamples: Annotated[int, Field(ge=100)]
    seed: int


class Params(Section):
    """What names a run; every section of `strata.params.composed` comes on top.

    rank: see `strata.profiles`; params, root: where the file and the tree lie, seen from each
    other; local: a folder with copies of the hub's data in its field names, read where it exists.
    """

    profile: str
    rank: NonNegativeInt
    params: str
    root: str
    local: str
