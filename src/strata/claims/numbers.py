"""Numbers as people read them: as many digits as the interval's width allows."""

import math
from collections.abc import Mapping

SIGNIFICANT = 4  # of a value without an interval
OF_WIDTH = 2  # significant digits of an interval's width that its ends show


def interval(estimate: Mapping[str, float] | None) -> str:
    """`value [low, high]`, value and ends to the same decimal; a dash where there is none."""
    if estimate is None:
        return "-"
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    if low == high == value:
        return number(value)
    places = OF_WIDTH - 1 - math.floor(math.log10(high - low))
    return "{} [{}, {}]".format(*(decimal(each, places) for each in (value, low, high)))


def number(value: float) -> str:
    """A whole number in full, any other in four significant digits."""
    if value == int(value):
        return decimal(value, 0)
    text = decimal(value, SIGNIFICANT - 1 - math.floor(math.log10(abs(value))))
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal(value: float, places: int) -> str:
    """A number rounded to decimal places (below 0: to tens, hundreds...), thousands set apart."""
    text = f"{round(value, places):,.{max(0, places)}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
