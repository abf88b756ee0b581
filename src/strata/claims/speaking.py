"""Which profile speaks for a claim where several hold evidence: everything that is read asks here.

It is the profile of highest rank whose evidence covers the claim (`strata.profiles`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from strata import paths, profiles
from strata.claims.judging import Verdict, judge
from strata.claims.ledger import Claim


class Spoken(NamedTuple):
    """A claim, the profile that speaks for it, and the verdict there."""

    claim: Claim
    profile: str
    verdict: Verdict


def speaking(claims: Sequence[Claim], results: Path = paths.RESULTS) -> list[Spoken]:
    """Each claim with the profile that speaks for it; the base profile where none has evidence.

    Args:
        results: the folder that holds one folder of evidence a profile.

    Raises:
        LedgerError: an evidence file is malformed or lacks a claim's key.
    """
    held = [name for name in profiles.speaking() if (results / name).is_dir()]
    judged = {name: judge(claims, results / name, name) for name in [*held, profiles.base()]}
    return [_spoken(claim, place, judged) for place, claim in enumerate(claims)]


def _spoken(claim: Claim, place: int, judged: dict[str, list[Verdict]]) -> Spoken:
    covering = (name for name, each in judged.items() if each[place].outcome != "not run")
    profile = next(covering, profiles.base())
    return Spoken(claim, profile, judged[profile][place])


def profile_of(file: str, spoken: Sequence[Spoken]) -> str | None:
    """The profile that speaks for the claims judged on an evidence file."""
    for claim, profile, _ in spoken:
        if any(check.evidence.file == file for check in claim.checks):
            return profile
    return None
