"""From ledger and evidence to verdicts. Nothing here is typed by hand.

A check holds when the whole 95% interval lies in the region the ledger allows, fails when all of
it lies outside, and is undecided otherwise. A check that holds on a null model too says nothing
about the trained one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from strata import profiles
from strata.claims.ledger import Check, Claim, LedgerError
from strata.evidence import AS_PUBLISHED, MODEL

Outcome = Literal[
    "replicated",
    "partly",
    "not replicated",
    "not specific",
    "artefact",
    "underpowered",
    "not run",
]
OUTCOMES: tuple[Outcome, ...] = Outcome.__args__

Measurement = Mapping[str, Mapping[str, float]]


class Judged(NamedTuple):
    """One check: its outcome, why, the model's interval and each null's."""

    name: str
    outcome: Outcome
    because: str
    published: float
    unit: str
    model: dict[str, float] | None
    nulls: dict[str, dict[str, float]]


class Verdict(NamedTuple):
    """One claim: its outcome, why, what it was tried on, and its checks."""

    id: str
    outcome: Outcome
    because: str
    tried_on: str | None
    checks: list[Judged]


def judge(claims: list[Claim], evidence: Path, profile: str) -> list[Verdict]:
    """Judge every claim on the evidence files in a folder (results/<profile>/).

    Raises:
        LedgerError: an evidence file is malformed or lacks the claim's key.
    """
    return [_judge_claim(claim, evidence, profile) for claim in claims]


def _judge_claim(claim: Claim, evidence: Path, profile: str) -> Verdict:
    judged = [_judge_check(claim, check, evidence, profile) for check in claim.checks]
    files = {evidence / check.evidence.file for check in claim.checks}
    models = {read_evidence(file)["about"]["model"] for file in files if file.is_file()}
    outcome = _combine([check.outcome for check in judged])
    because = "; ".join(f"{check.name}: {check.because}" for check in judged)
    return Verdict(claim.id, outcome, because, ", ".join(sorted(models)) or None, judged)


def _combine(outcomes: list[Outcome]) -> Outcome:
    """A claim's outcome from its checks': unanimous, or missing, or mixed."""
    found = set(outcomes)
    if len(found) == 1:
        return outcomes[0]
    if "not run" in found:
        return "not run"
    if "replicated" in found:
        return "partly"
    for outcome in ("underpowered", "not replicated", "artefact"):
        if outcome in found:
            return outcome
    return "not specific"


def _judge_check(claim: Claim, check: Check, evidence: Path, profile: str) -> Judged:
    file = evidence / check.evidence.file
    measured: Measurement = {}
    if file.is_file():
        measurements = read_evidence(file)["measurements"]
        if check.evidence.key not in measurements:
            raise LedgerError(
                f"claim {claim.id}, check {check.name}: evidence.key {check.evidence.key!r} is "
                f"not in {check.evidence.file}; it has {', '.join(sorted(measurements))}"
            )
        measured = measurements[check.evidence.key]
    outcome, because = _outcome(claim, check, measured, profile)
    nulls = {name: dict(measured[name]) for name in claim.nulls if name in measured}
    model = dict(measured[MODEL]) if MODEL in measured else None
    return Judged(check.name, outcome, because, check.value, check.unit, model, nulls)


def _outcome(
    claim: Claim, check: Check, measured: Measurement, profile: str
) -> tuple[Outcome, str]:
    if MODEL not in measured:
        return "not run", f"no evidence at the {profile} profile"
    if profiles.rank(profile) < profiles.rank(claim.profile):
        return "underpowered", f"means something from the {claim.profile} profile on"
    held = {name: holds(check, interval) for name, interval in measured.items()}
    missing = [name for name in claim.nulls if name not in held]
    if held[MODEL] is None:
        return "underpowered", "the interval lies on both sides of the tolerance"
    if not held[MODEL]:
        if held.get(AS_PUBLISHED):
            return "artefact", "holds only with the published error in place"
        return "not replicated", "the interval lies outside the tolerance"
    if missing:
        return "not run", f"holds, but was not tried on {', '.join(missing)}"
    also = [name for name in claim.nulls if held[name]]
    if also:
        return "not specific", f"holds, but on {', '.join(also)} too"
    return "replicated", "the interval lies inside the tolerance"


def holds(check: Check, interval: Mapping[str, float]) -> bool | None:
    """Whether a measurement agrees with the paper.

    True when the interval lies in the check's region, False when outside, None when across.
    """
    low, high = check.region
    if low <= interval["low"] and interval["high"] <= high:
        return True
    if interval["high"] < low or interval["low"] > high:
        return False
    return None


def read_evidence(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise LedgerError(f"{file}: not valid JSON ({error}); run its stage again") from error
    if not {"about", "measurements"} <= content.keys():
        raise LedgerError(f"{file}: expected keys about and measurements; run its stage again")
    return content
