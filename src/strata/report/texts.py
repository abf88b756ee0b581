"""Prose kept in data/papers/<paper>/: headlines, deviations, corrections, what a paper holds."""

import datetime
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Self, TypeVar

from pydantic import Field, model_validator

from strata.claims.entries import LedgerError, Words
from strata.claims.ledger import read_entries
from strata.yamls import Entry, Text


class Headline(Entry):
    """What we found on one claim, in plain words; the verdict is added when it is shown.

    shown: the evidence key of the check whose two numbers stand in short tables.
    """

    FILE: ClassVar = "headlines.yaml"
    claim: Text
    shown: Text
    found: Text


class Deviation(Entry):
    """One place where paper, released code and this repository may differ.

    changes: what the difference does to the result, or that it was not measured. claims: the ids
    it touches.
    """

    FILE: ClassVar = "deviations.yaml"
    about: Text
    says: Text
    code: Text
    here: Text
    changes: Text
    claims: Annotated[tuple[Text, ...], Field(min_length=1)]


class Correction(Entry):
    """What the ledger or its texts had wrong, and what replaced it. claims: the ids it touched."""

    FILE: ClassVar = "corrections.yaml"
    was: Text
    date: datetime.date
    now: Text
    because: Text
    claims: tuple[Text, ...] = ()


class Covered(Entry):
    """A table, figure or finding of a paper, and its claims or the reason why there is none."""

    FILE: ClassVar = "coverage.yaml"
    item: Text
    shows: Text
    claims: tuple[Text, ...] = ()
    reason: Words = ""

    @model_validator(mode="after")
    def _claims_or_reason(self) -> Self:
        if bool(self.claims) == bool(self.reason):
            raise ValueError("expected claims, or the reason why there are none")
        return self


AnyText = TypeVar("AnyText", Headline, Deviation, Correction, Covered)


def load_texts(
    kind: type[AnyText], folder: Path, known: Mapping[str, Collection[str]]
) -> list[AnyText]:
    """A paper's texts of one kind; none where there is no file.

    Args:
        folder: data/papers/<paper>; known: the ledger's ids, and the keys that each is judged on.

    Raises:
        LedgerError: malformed, or a claim or key that the ledger does not have.
    """
    file = folder / kind.FILE
    entries = read_entries(file, kind, next(iter(kind.model_fields))) if file.is_file() else []
    unknown = sorted({claim for each in entries for claim in _named(each)} - known.keys())
    if unknown:
        raise LedgerError(
            f"{folder.name}/{kind.FILE}: expected claims of the ledger, found {', '.join(unknown)}"
        )
    for each in entries:
        if isinstance(each, Headline) and each.shown not in known[each.claim]:
            raise LedgerError(
                f"{folder.name}/{kind.FILE}: {each.claim}: shown {each.shown!r}: expected one of "
                f"{', '.join(known[each.claim])}"
            )
    return entries


def _named(text: Headline | Deviation | Correction | Covered) -> tuple[str, ...]:
    return (text.claim,) if isinstance(text, Headline) else text.claims
