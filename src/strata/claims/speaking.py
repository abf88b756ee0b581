"""Which profile speaks for a claim where several hold evidence: everything that is read asks here.

It is the profile of highest rank whose evidence covers the claim (`strata.profiles`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from strata import paths, profiles
from strata.claims.entries import Claim
from strata.claims.judging import Verdict, judge
from strata.evidence import MODEL


class Spoken(NamedTuple):
    """A claim, the profile that speaks for it, the verdict there, and that of an earlier rule."""

    claim: Claim
    profile: str
    verdict: Verdict
    earlier: Verdict | None = None


def speaking(
    claims: Sequence[Claim], results: Path = paths.RESULTS, subject: str = MODEL
) -> list[Spoken]:
    """Each claim with the profile that speaks for it; the base profile where none has evidence.

    Args:
        results: the folder that holds one folder of evidence a profile.
        subject: whose numbers are judged (`strata.claims.judge`).

    Raises:
        LedgerError: an evidence file is malformed or lacks a claim's key.
    """
    held = [name for name in profiles.speaking() if (results / name).is_dir()]
    judged = {
        name: judge(claims, results / name, name, subject) for name in [*held, profiles.base()]
    }
    return [
        _earlier(_spoken(claim, place, judged), results, subject)
        for place, claim in enumerate(claims)
    ]


def _spoken(claim: Claim, place: int, judged: dict[str, list[Verdict]]) -> Spoken:
    covering = (name for name, each in judged.items() if each[place].outcome != "not run")
    profile = next(covering, profiles.base())
    return Spoken(claim, profile, judged[profile][place])


def _earlier(spoken: Spoken, results: Path, subject: str) -> Spoken:
    """With the verdict under the rule that stood before, where the ledger names one."""
    rule = spoken.claim.analysis.earlier
    if rule is None:
        return spoken
    profile = rule.profile or spoken.profile
    checks = [
        check.model_copy(
            update={
                "evidence": check.evidence.model_copy(
                    update={"key": rule.keys.get(check.evidence.key, check.evidence.key)}
                ),
                "pending": "a run under the earlier rule",
            }
        )
        for check in spoken.claim.checks
    ]
    claim = spoken.claim.model_copy(update={"profile": profile, "checks": tuple(checks)})
    (verdict,) = judge([claim], results / profile, profile, subject)
    return spoken._replace(earlier=verdict)


def profile_of(file: str, spoken: Sequence[Spoken]) -> str | None:
    """The profile that speaks for the claims whose verdict rests on an evidence file."""
    for each in spoken:
        if any(check.evidence.file == file and not check.measure for check in each.claim.checks):
            return each.profile
    return None
