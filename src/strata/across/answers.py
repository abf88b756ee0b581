"""What was asked, what was found, and whether a null gives the same."""

import pandas as pd

from strata.evidence import MODEL, Measurements
from strata.records import Estimate
from strata.statistics import difference

ZERO = "zero"


def answers(measured: Measurements) -> pd.DataFrame:
    """A row a measurement and null: both with their intervals, and how they lie.

    `above` or `below`: the interval of ours minus the null's lies beyond zero; `not told apart`: it
    does not; `not run`: one of the two is missing. A measurement without a null is a difference,
    and is compared with zero.
    """
    rows = []
    for key, subjects in measured.items():
        ours = subjects.get(MODEL)
        nulls = {name: each for name, each in subjects.items() if name != MODEL}
        for name, null in (nulls or {ZERO: Estimate(0, 0, 0)}).items():
            row = {"question": key.split(".")[0], "key": key, "null": name}
            row |= _columns("", ours) | _columns("null_", null)
            rows.append(row | {"finding": finding(ours, null)})
    return pd.DataFrame(rows)


def finding(ours: Estimate | None, null: Estimate) -> str:
    """How a measurement lies against a null's: by the interval of their difference."""
    if ours is None:
        return "not run"
    minus = difference(ours, null)
    if minus.low > 0:
        return "above"
    return "below" if minus.high < 0 else "not told apart"


def _columns(prefix: str, found: Estimate | None) -> dict[str, float | None]:
    values = found or (None, None, None)
    return dict(zip((f"{prefix}{name}" for name in Estimate._fields), values, strict=True))
