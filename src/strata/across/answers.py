"""What was asked, what was found, and whether a null gives the same."""

import pandas as pd

from strata.evidence import MODEL, Measurements
from strata.records import Estimate

ZERO = "zero"


def answers(measured: Measurements) -> pd.DataFrame:
    """A row a measurement and null: both with their intervals, and how they lie.

    `above` or `below`: the intervals do not meet; `not told apart`: they do; `not run`: one of the
    two is missing. A measurement without a null is a difference, and is compared with zero.
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
    """How an interval lies against a null's."""
    if ours is None:
        return "not run"
    if ours.low > null.high:
        return "above"
    return "below" if ours.high < null.low else "not told apart"


def _columns(prefix: str, found: Estimate | None) -> dict[str, float | None]:
    values = found or (None, None, None)
    return dict(zip((f"{prefix}{name}" for name in Estimate._fields), values, strict=True))
