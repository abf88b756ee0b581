"""How far a measurement lies from the published value, in units of the check's own tolerance."""

from collections.abc import Sequence
from math import inf, isinf, log

import pandas as pd

from strata.claims.entries import Check
from strata.claims.nulls import holds
from strata.claims.speaking import Spoken
from strata.evidence import MODEL
from strata.records import Estimate


def disagreement(check: Check, interval: Estimate) -> Estimate:
    """Distance from the published value: 0 there, 1 at the edge of the region.

    A ratio is measured in logarithms. Where the region has no end on a side, and where the paper
    prints no number, every value inside counts as 0. Where distance has no unit, it is relative,
    beginning at 1.
    """
    value, *ends = (_distance(check, each) for each in interval)
    if check.published is None:
        inside = holds(check.region, interval) is not False
    else:
        inside = interval.low <= _published(check) <= interval.high
    return Estimate(value, 0.0 if inside else min(value, *ends), max(value, *ends))


def _published(check: Check) -> float:
    low, high = check.region
    return min(max(check.published, low), high)


def _distance(check: Check, measured: float) -> float:
    low, high = check.region
    if check.published is None:
        nearest = min(max(measured, low), high)
        return _relative(measured, nearest)
    published = _published(check)
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
    """One row a check by the paper's measure and subject that was measured: claim, check, subject,
    outcome, distance."""
    rows = [
        {
            "claim": each.claim.id,
            "check": check.name,
            "outcome": judged.outcome,
            "subject": subject,
            **disagreement(check, Estimate(**interval))._asdict(),
        }
        for each in spoken
        for check, judged in zip(each.claim.checks, each.verdict.checks, strict=True)
        for subject, interval in ({MODEL: judged.model} | judged.nulls).items()
        if interval is not None and not check.measure
    ]
    return pd.DataFrame(rows)
