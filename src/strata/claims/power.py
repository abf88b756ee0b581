"""How much data would decide: the size that has power 0.9 by the variance that was observed."""

import math

from scipy.stats import norm

from strata.claims.entries import Check
from strata.records import Estimate
from strata.statistics import CONFIDENCE

POWER = 0.9
MOST = 1e6


def times_the_data(check: Check, interval: Estimate) -> float | None:
    """How many times the data would put the interval on one side of the region's nearest end.

    The value is taken as it is, and the interval to shrink with the root of the size; a ratio is
    measured in logarithms. None where the value lies on the end, or would need too much.
    """
    scale = math.log if check.kind == "ratio" and interval.low > 0 else float
    value, low, high = map(scale, interval)
    ends = [scale(end) for end in check.region if math.isfinite(end) and low <= scale(end) <= high]
    distance = min((abs(value - end) for end in ends), default=0.0)
    half = (norm.ppf((1 + CONFIDENCE) / 2) + norm.ppf(POWER)) / (2 * norm.ppf((1 + CONFIDENCE) / 2))
    if not distance or not math.isfinite(high - low):
        return None
    found = (half * (high - low) / distance) ** 2
    return found if found < MOST else None
