"""Verdicts as plain tables, for the README, the terminal and the notebooks."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from strata.claims.best import Best
from strata.claims.judging import OUTCOMES, Judged, Verdict, holds
from strata.claims.ledger import Check, Claim


def counts(verdicts: list[Verdict]) -> dict[str, int]:
    """How many claims have each outcome, all outcomes named."""
    outcomes = [verdict.outcome for verdict in verdicts]
    return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}


def plain(verdicts: list[Verdict]) -> dict[str, Any]:
    """Verdicts as plain data by claim id, ready for JSON."""
    return {
        verdict.id: {
            **verdict._asdict(),
            "checks": [check._asdict() for check in verdict.checks],
        }
        for verdict in verdicts
    }


def read_verdicts(file: Path) -> dict[str, Verdict]:
    """Claim id -> verdict, from a file of `plain` verdicts."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: Verdict(**verdict | {"checks": [Judged(**check) for check in verdict["checks"]]})
        for name, verdict in content.items()
    }


def metrics(verdicts: list[Verdict]) -> dict[str, Any]:
    """Counts by outcome and the measured value of every check, for `dvc metrics`."""
    values = {
        f"{verdict.id}: {check.name}": check.model["value"]
        for verdict in verdicts
        for check in verdict.checks
        if check.model is not None
    }
    return {"claims": counts(verdicts), "values": values}


def check_table(claims: list[Claim], verdicts: list[Verdict]) -> pd.DataFrame:
    """One row a published number: where it stands, how to run it, theirs, ours, nulls, outcome."""
    rows = [
        _check_row(claim, *each, command(claim, LAPTOP))
        for claim, verdict in zip(claims, verdicts, strict=True)
        for each in zip(claim.checks, verdict.checks, strict=True)
    ]
    return pd.DataFrame(rows)


def best_table(best: list[Best]) -> pd.DataFrame:
    """The same for verdicts of several profiles, each with its profile."""
    rows = [
        {**_check_row(claim, *each, command(claim, profile)), "profile": profile}
        for claim, profile, verdict in best
        for each in zip(claim.checks, verdict.checks, strict=True)
    ]
    return pd.DataFrame(rows)


def command(claim: Claim, profile: str) -> str:
    """What runs a claim's stage again, or where that stands; a dash if no stage measures it."""
    if claim.stage is None:
        return "-"
    return f"dvc repro {claim.stage}" if profile == LAPTOP else f"see results/{profile}/README.md"


def _check_row(claim: Claim, check: Check, judged: Judged, rerun: str) -> dict[str, str]:
    return {
        "claim": claim.id,
        "where": claim.locator,
        "number": check.name,
        "command": rerun,
        "published": f"{_published(check)} [{check.grade or claim.grade}]",
        "ours": interval(judged.model),
        "nulls": _nulls(judged),
        "verdict": judged.outcome,
    }


def _published(check: Check) -> str:
    """The number and its unit; of an ordering without a number (a sign of 1), the side."""
    if check.kind == "sign" and abs(check.value) == 1:
        return f"{'above' if check.value > 0 else 'below'} 0 {check.unit}"
    return f"{_number(check.value)} {check.unit}"


def claim_table(claims: list[Claim], verdicts: list[Verdict]) -> pd.DataFrame:
    """One row a claim: what the paper says and where, the verdict and why, how to run it."""
    rows = [
        {
            "claim": claim.id,
            "paper says": claim.statement,
            "where": claim.locator,
            "verdict": verdict.outcome,
            "because": because(verdict),
            "command": command(claim, LAPTOP),
        }
        for claim, verdict in zip(claims, verdicts, strict=True)
    ]
    return pd.DataFrame(rows)


def because(verdict: Verdict) -> str:
    """Why a claim has its verdict, each reason with how many of its numbers it is true of."""
    reasons = Counter(check.because for check in verdict.checks)
    if len(reasons) == 1:
        return next(iter(reasons))
    return "; ".join(
        f"{reason} ({number} of {reasons.total()} numbers)"
        for reason, number in reasons.most_common()
    )


def null_models(claim: Claim, verdict: Verdict) -> str:
    """In how many of a claim's numbers each null model agrees with the paper too."""
    return "; ".join(_agreeing(name, claim, verdict) for name in claim.nulls) or "none applies"


def _agreeing(null: str, claim: Claim, verdict: Verdict) -> str:
    held = [
        holds(check, judged.nulls[null])
        for check, judged in zip(claim.checks, verdict.checks, strict=True)
        if null in judged.nulls
    ]
    name = null.replace("_", " ")
    if not held:
        return f"{name} not tried"
    return f"{name} agrees in {held.count(True)} of {len(held)} numbers"


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, cells escaped."""
    escaped = table.astype(str).map(lambda cell: cell.replace("|", "\\|"))
    lines = [escaped.columns, ["---"] * len(escaped.columns), *escaped.itertuples(index=False)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def interval(estimate: dict[str, float] | None) -> str:
    """`value [low, high]` in four significant digits, or a dash."""
    if estimate is None:
        return "-"
    value, low, high = (_number(estimate[key]) for key in ("value", "low", "high"))
    return value if low == high == value else f"{value} [{low}, {high}]"


def _nulls(check: Judged) -> str:
    parts = [f"{name.replace('_', ' ')} {interval(null)}" for name, null in check.nulls.items()]
    return "; ".join(parts) or "-"


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.4g}"
