"""Parameters of the toy paper."""

from strata.params.sections import PositiveInt, Section


class LengthParams(Section):
    """How many passages to count at most."""

    most: PositiveInt


SECTIONS = {"toy_length": LengthParams}
