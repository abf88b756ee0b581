"""Numbers as people read them: as many digits as the interval's width allows."""

import math
from collections.abc import Mapping

SIGNIFICANT = 4  # of a value without an interval
OF_WIDTH = 2  # significant digits of an interval's width that its ends show
MINUS = "\N{MINUS SIGN}"


def interval(estimate: Mapping[str, float] | None, unit: str = "", signed: bool = False) -> str:
    """`value [low, high]`, value and ends to the same decimal; a dash where there is none.

    Args:
        unit: set behind the value, e.g. %.
        signed: a plus stands before what is above 0.
    """
    if estimate is None:
        return "-"
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    if low == high == value:
        return number(value, signed) + unit
    places = OF_WIDTH - 1 - math.floor(math.log10(high - low))
    shown = (decimal(each, places, signed) for each in (value, low, high))
    return "{}{unit} [{}, {}]".format(*shown, unit=unit)


def number(value: float, signed: bool = False) -> str:
    """A whole number in full, any other in four significant digits."""
    if value == int(value):
        return decimal(value, 0, signed)
    places = SIGNIFICANT - 1 - math.floor(math.log10(abs(value)))
    text = decimal(value, places, signed)
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal(value: float, places: int, signed: bool = False) -> str:
    """A number rounded to decimal places (below 0: to tens, hundreds...), thousands set apart."""
    text = f"{abs(round(value, places)):,.{max(0, places)}f}"
    if float(text.replace(",", "")) == 0:
        return text
    return f"{MINUS if value < 0 else '+' if signed else ''}{text}"


def exact(estimate: Mapping[str, float] | None) -> str:
    """Value and ends with all the digits that evidence keeps."""
    if estimate is None:
        return ""
    return "{value} [{low}, {high}]".format(**estimate)
