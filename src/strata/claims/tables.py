"""Verdicts as plain tables, for the README, the terminal and the notebooks."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from strata import paths, pipeline, profiles
from strata.claims.judging import OUTCOMES, Judged, Verdict, holds
from strata.claims.ledger import Check, Claim
from strata.claims.numbers import interval, number
from strata.claims.speaking import Spoken


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


def check_table(spoken: Sequence[Spoken]) -> pd.DataFrame:
    """One row a published number: where it stands, theirs, ours, nulls, verdict, on what, and where
    the evidence and the command are."""
    rows = [
        _check_row(each, check, judged)
        for each in spoken
        for check, judged in zip(each.claim.checks, each.verdict.checks, strict=True)
    ]
    return pd.DataFrame(rows)


def command(claim: Claim, profile: str) -> str:
    """What computes a claim's evidence anew; a dash if no stage does."""
    if claim.stage is None:
        return "-"
    place = "" if profile == profiles.base() else f"results/{profile}/dvc.yaml:"
    return f"dvc repro --force --single-item {place}{claim.stage}"


def _check_row(spoken: Spoken, check: Check, judged: Judged) -> dict[str, str]:
    claim, profile, verdict = spoken
    return {
        "claim": claim.id,
        "where": claim.locator,
        "number": check.name,
        "published": f"{_published(check)} [{check.grade or claim.grade}]",
        "ours": interval(judged.model),
        "nulls": _nulls(judged),
        "verdict": judged.outcome,
        "model": verdict.tried_on or "-",
        "profile": _profile(claim, profile),
        "evidence": f"{check.evidence.file}#{check.evidence.key}",
        "command": command(claim, profile),
    }


def _profile(claim: Claim, profile: str) -> str:
    """A profile and the devices that computed its evidence for a claim, and what that rests on."""
    names = pipeline.with_sources(claim.stage) if claim.stage else []
    found = sorted({device(profile, name) for name in names} - {""})
    return ", ".join([profile, *found])


def device(profile: str, stage: str) -> str:
    """What computed a stage's evidence: the card's name, `cpu`, or nothing where it is not told."""
    file = paths.results(profile) / "provenance" / f"{stage}.json"
    if not file.is_file():
        return ""
    run = json.loads(file.read_text(encoding="utf-8"))
    return run.get("gpu", run.get("device", ""))


def _published(check: Check) -> str:
    """The number and its unit; of an ordering without a number (a sign of 1), the side."""
    if check.kind == "sign" and abs(check.value) == 1:
        return f"{'above' if check.value > 0 else 'below'} 0 {check.unit}"
    return f"{number(check.value)} {check.unit}"


def claim_table(spoken: Sequence[Spoken]) -> pd.DataFrame:
    """One row a claim: what the paper says and where, the verdict and why, which profile speaks."""
    rows = [
        {
            "claim": claim.id,
            "paper says": claim.statement,
            "where": claim.locator,
            "verdict": verdict.outcome,
            "because": because(verdict),
            "profile": profile,
        }
        for claim, profile, verdict in spoken
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


def _nulls(check: Judged) -> str:
    parts = [f"{name.replace('_', ' ')} {interval(null)}" for name, null in check.nulls.items()]
    return "; ".join(parts) or "-"
