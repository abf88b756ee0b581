"""Prose whose numbers come from evidence: `{file#key}` or `{file#key@subject}` in a text.

Losing layer 11 costs {anatomy/ablation.json#neighbour_average.change_L11} %.
"""

import re
from collections.abc import Callable
from pathlib import Path

from strata import profiles
from strata.claims.entries import LedgerError
from strata.claims.measured import read_evidence
from strata.claims.numbers import interval
from strata.evidence import MODEL

PLACE = re.compile(r"\{(?P<file>[^#{}]+)#(?P<key>[^@{}]+)(?:@(?P<subject>[^{}]+))?\}")


def quote(text: str, results: Path, speaks: Callable[[str], str | None], about: str) -> str:
    """Fill in values and intervals.

    Args:
        speaks: evidence file -> the profile whose number is wanted; where that one lacks it, the
            profile of highest rank that has it.
        about: the profile that goes without saying; another is named behind its number.

    Raises:
        LedgerError: no profile has the file, the key or the subject.
    """

    def number(match: re.Match[str]) -> str:
        file, key, subject = match["file"], match["key"], match["subject"] or MODEL
        first = speaks(file)
        for profile in [*filter(None, [first]), *profiles.speaking()]:
            path = results / profile / file
            if path.is_file():
                measurements = read_evidence(path).measurements
                if subject in measurements.get(key, {}):
                    found = interval(measurements[key][subject]._asdict())
                    return found if profile == about else f"{found} ({profile})"
        raise LedgerError(
            f"{match[0]}: no profile of {results.name}/ has it; expected file#key or "
            f"file#key@subject of a measurement, see the evidence files for the keys"
        )

    return PLACE.sub(number, text)
