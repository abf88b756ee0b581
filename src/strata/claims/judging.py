"""From ledger and evidence to verdicts. Nothing here is typed by hand.

*Replicated* is kept for evidence under the paper's own protocol; on anything else a claim holds or
fails on a stand-in. A claim's verdict comes from the checks by the paper's own measure; a check by
a measure of ours is judged by the same rules and stands beside it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from strata.claims import nulls
from strata.claims.entries import Check, Claim
from strata.claims.measured import read_evidence
from strata.claims.protocol import differences
from strata.claims.rules import Decision, Open, Ruling, Tried, combine, ruling
from strata.evidence import MODEL

Outcome = Literal[
    "replicated",
    "not replicated",
    "holds on a stand-in",
    "fails on a stand-in",
    "in part",
    "not specific",
    "artefact",
    "open",
    "not run",
]
OUTCOMES: tuple[Outcome, ...] = Outcome.__args__

Interval = dict[str, float]


class Judged(NamedTuple):
    """One check: the ruling in words, the model's interval, each null's, and model minus null."""

    name: str
    outcome: Outcome
    because: str
    open: Open | None
    model: Interval | None
    nulls: dict[str, Interval]
    minus: dict[str, Interval]


class Verdict(NamedTuple):
    """One claim: outcome and why, on what it was tried and how that differs from the paper.

    parts: how many checks by the paper's measure have which outcome. rests_on: required claims
    that do not hold.
    """

    id: str
    outcome: Outcome
    because: str
    open: list[Open]
    tried_on: str | None
    differences: dict[str, str]
    parts: dict[Outcome, int]
    rests_on: dict[str, Outcome]
    checks: list[Judged]

    @property
    def protocol(self) -> str:
        """`as published`, `stand-in`, or nothing where nothing was tried."""
        if self.tried_on is None:
            return "-"
        return "stand-in" if self.differences else "as published"


def judge(
    claims: Sequence[Claim], evidence: Path, profile: str, subject: str = MODEL
) -> list[Verdict]:
    """Judge every claim on the evidence files in a folder (results/<profile>/).

    Args:
        subject: whose numbers are judged; the name of a null model asks what a model that has
            learned nothing would have passed.

    Raises:
        LedgerError: an evidence file is malformed or lacks the claim's key.
    """
    read = cache(lambda file: read_evidence(evidence / file))
    verdicts = [_judge_claim(Tried(claim, read, profile, subject)) for claim in claims]
    outcomes = {verdict.id: verdict.outcome for verdict in verdicts}
    return [
        verdict._replace(rests_on=_not_held(claim, outcomes))
        for claim, verdict in zip(claims, verdicts, strict=True)
    ]


def _not_held(claim: Claim, outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    refuted = ("not replicated", "fails on a stand-in", "not specific", "artefact")
    return {each: outcomes[each] for each in claim.requires if outcomes.get(each) in refuted}


def _judge_claim(tried: Tried) -> Verdict:
    claim = tried.claim
    found = [each for each in map(tried.evidence, _files(claim)) if each]
    differing: dict[str, str] = {}
    for each in found:
        differing |= differences(claim.conditions, each.about)
    rulings = [ruling(tried, check, differing) for check in claim.checks]
    checks = [
        _judged(tried, check, each, bool(differing or check.measure))
        for check, each in zip(claim.checks, rulings, strict=True)
    ]
    theirs = [place for place, check in enumerate(claim.checks) if not check.measure]
    whole = combine([rulings[place] for place in theirs])
    return Verdict(
        claim.id,
        worded(whole.decision, bool(differing)),
        whole.because,
        sorted({each.open for each in [whole, *(rulings[i] for i in theirs)] if each.open}),
        ", ".join(sorted({str(each.about["model"]) for each in found})) or None,
        differing,
        dict(Counter(checks[place].outcome for place in theirs)),
        {},
        checks,
    )


def _files(claim: Claim) -> list[str]:
    return sorted({check.evidence.file for check in claim.checks if not check.measure})


def _judged(tried: Tried, check: Check, ruled: Ruling, stand_in: bool) -> Judged:
    measured = tried.measured(check)
    own = measured.get(tried.subject)
    present = [name for name in tried.nulls(check) if name in measured]
    return Judged(
        check.name,
        worded(ruled.decision, stand_in),
        ruled.because,
        ruled.open,
        own and own._asdict(),
        {name: measured[name]._asdict() for name in present},
        {
            name: nulls.model_minus(name, measured, tried.subject)._asdict()
            for name in present
            if own
        },
    )


def worded(decision: Decision, stand_in: bool) -> Outcome:
    """A decision as an outcome: `replicated` is kept for the paper's own protocol."""
    if decision == "holds":
        return "holds on a stand-in" if stand_in else "replicated"
    if decision == "fails":
        return "fails on a stand-in" if stand_in else "not replicated"
    return decision
