"""How far a measurement lies from the published value, in units of the check's own tolerance."""

from collections.abc import Mapping, Sequence
from math import inf, isinf, log

import pandas as pd

from strata.claims.ledger import Check
from strata.claims.speaking import Spoken
from strata.evidence import MODEL
from strata.records import Estimate


def disagreement(check: Check, interval: Mapping[str, float]) -> Estimate:
    """Distance from the published value: 0 there, 1 at the edge of the tolerance.

    A ratio is measured in logarithms. Where the tolerance has no end on a side, every value on
    that side counts as 0. Where it has no width, distance is relative, beginning at 1.
    """
    value, *ends = (_distance(check, interval[key]) for key in ("value", "low", "high"))
    inside = interval["low"] <= check.value <= interval["high"]
    return Estimate(value, 0.0 if inside else min(value, *ends), max(value, *ends))


def _distance(check: Check, measured: float) -> float:
    low, high = check.region
    published = min(max(check.value, low), high)
    if check.kind == "ratio":
        if measured * published <= 0:
            return inf
        scale = abs(log(high / published))
        return abs(log(measured / published)) / scale if scale else _relative(measured, published)
    edge = low if measured < published else high
    if measured == published or isinf(edge):
        return 0.0
    width = abs(edge - published)
    return abs(measured - published) / width if width else _relative(measured, published)


def _relative(measured: float, published: float) -> float:
    if measured == published:
        return 0.0
    return 1 + abs(measured - published) / max(abs(published), 1)


def agreement_table(spoken: Sequence[Spoken]) -> pd.DataFrame:
    """One row a check and subject that was measured: claim, check, subject, outcome, distance."""
    rows = [
        {
            "claim": claim.id,
            "check": check.name,
            "outcome": judged.outcome,
            "subject": subject,
            **disagreement(check, interval)._asdict(),
        }
        for claim, _, verdict in spoken
        for check, judged in zip(claim.checks, verdict.checks, strict=True)
        for subject, interval in ({MODEL: judged.model} | judged.nulls).items()
        if interval is not None
    ]
    return pd.DataFrame(rows)
