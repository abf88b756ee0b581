"""Prose whose numbers come from evidence: `{file#key}` or `{file#key@subject}` in a text.

    Losing layer 11 costs {anatomy/ablation.json#neighbour_average.change_L11} %.

A number is of the profile that the text is about unless another is named behind it.
"""

import json
import re
from pathlib import Path

from strata.claims.best import SPEAKING
from strata.claims.judging import MODEL
from strata.claims.ledger import LedgerError
from strata.claims.tables import interval

PLACE = re.compile(r"\{(?P<file>[^#{}]+)#(?P<key>[^@{}]+)(?:@(?P<subject>[^{}]+))?\}")


def quote(text: str, results: Path, about: str = LAPTOP) -> str:
    """Fill in the value and interval that the largest profile with the evidence holds.

    Args:
        about: the profile that goes without saying.

    Raises:
        LedgerError: no profile has the file, the key or the subject.
    """
    return PLACE.sub(lambda match: _number(match, results, about), text)


def _number(match: re.Match[str], results: Path, about: str) -> str:
    file, key, subject = match["file"], match["key"], match["subject"] or MODEL
    for profile in reversed(SPEAKING):
        path = results / profile / file
        if path.is_file():
            measurements = json.loads(path.read_text(encoding="utf-8"))["measurements"]
            if subject in measurements.get(key, {}):
                number = interval(measurements[key][subject])
                return number if profile == about else f"{number} (profile {profile})"
    raise LedgerError(
        f"{match[0]}: no profile of {results.name}/ has it; expected file#key or file#key@subject "
        "of a measurement, see the evidence files for the keys"
    )
