"""Whether a check is specific: what a model shows and a null model does not.

One rule for all. A check is *specific* against a null when the interval of model minus null lies
beyond zero in the claimed direction, *not specific* when the null agrees with the paper too or
when the difference is too small to matter, and undecided otherwise.
"""

import math
from collections.abc import Mapping
from typing import Literal

from strata.claims.entries import Check
from strata.records import Estimate
from strata.statistics import difference

Specific = Literal["specific", "not specific", "undecided"]


def holds(region: tuple[float, float], interval: Estimate) -> bool | None:
    """Whether an interval lies inside a region (True), outside (False) or across its end (None)."""
    low, high = region
    if low <= interval.low and interval.high <= high:
        return True
    if interval.high < low or interval.low > high:
        return False
    return None


def specific(check: Check, null: Estimate, minus: Estimate) -> Specific:
    """Whether a model that agrees with the paper differs from a null.

    Args:
        null: what the null model shows.
        minus: model minus null.
    """
    if _beyond_zero(minus, claimed_direction(check.region, null.value)):
        return "specific"
    matters = check.tolerance.difference
    small = matters is not None and -matters <= minus.low and minus.high <= matters
    return "not specific" if holds(check.region, null) or small else "undecided"


def _beyond_zero(minus: Estimate, direction: int) -> bool:
    return (direction > 0 and minus.low > 0) or (direction < 0 and minus.high < 0)


def claimed_direction(region: tuple[float, float], null: float) -> int:
    """Where the claimed values lie, seen from a null's: 1 above, -1 below, 0 on both sides."""
    low, high = region
    if null < low or (null <= high == math.inf and low > -math.inf):
        return 1
    if null > high or (null >= low == -math.inf and high < math.inf):
        return -1
    return 0


def model_minus(null: str, measured: Mapping[str, Estimate], subject: str) -> Estimate:
    """Subject minus null: paired where the evidence has it, else from the two intervals.

    Args:
        measured: subject -> estimate of one check.
    """
    paired = measured.get(f"{subject}_minus_{null}")
    return paired or difference(measured[subject], measured[null])
