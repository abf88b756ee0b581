"""Headlines and deviations: prose kept in data/papers/, its numbers quoted from evidence."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from strata.claims.ledger import LedgerError, Text, read_entries
from strata.yamls import AnyEntry, Entry


class Headline(Entry):
    """What we found on one claim, in plain words; the verdict is added when it is shown.

    shown: the evidence key of the check whose two numbers stand in short tables.
    """

    claim: Text
    shown: Text
    found: Text


class Deviation(Entry):
    """One place where paper, released code and this repository may differ.

    changes: what the difference does to the result, or that it was not measured. claims: the ids
    it touches.
    """

    about: Text
    says: Text
    code: Text
    here: Text
    changes: Text
    claims: Annotated[tuple[Text, ...], Field(min_length=1)]


def load_headlines(file: Path, known: set[str]) -> list[Headline]:
    """Read a paper's headlines.yaml; none where there is no file.

    Raises:
        LedgerError: malformed, or a claim that the ledger does not have.
    """
    headlines = _entries(file, Headline, "claim")
    _only_known(file, [headline.claim for headline in headlines], known)
    return headlines


def load_deviations(file: Path, known: set[str]) -> list[Deviation]:
    """Read a paper's deviations.yaml; none where there is no file.

    Raises:
        LedgerError: malformed, or a claim that the ledger does not have.
    """
    deviations = _entries(file, Deviation, "about")
    _only_known(file, [claim for each in deviations for claim in each.claims], known)
    return deviations


def _entries(file: Path, kind: type[AnyEntry], name: str) -> list[AnyEntry]:
    return read_entries(file, kind, name) if file.is_file() else []


def _only_known(file: Path, claims: list[str], known: set[str]) -> None:
    unknown = sorted(set(claims) - known)
    if unknown:
        raise LedgerError(
            f"{file.parent.name}/{file.name}: expected claims of the ledger, found "
            f"{', '.join(unknown)}"
        )
