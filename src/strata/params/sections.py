"""What every section of the parameters is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class ParamsError(ValueError):
    """A parameter file is missing, malformed or asks for something impossible."""


class Section(BaseModel):
    """A group of parameters: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
