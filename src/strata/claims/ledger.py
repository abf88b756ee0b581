"""The ledger: every published number, where it stands, how it is judged and on what evidence."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from strata import paths, pipeline, profiles
from strata.errors import StrataError
from strata.papers import Paper, load_papers
from strata.yamls import AnyEntry, Entry, checked, read_yaml

Kind = Literal["exact", "ratio", "sign", "order", "range", "shape"]
Grade = Literal["abs", "sum", "text", "code", "derived"]
Text = Annotated[str, Field(min_length=1)]


class LedgerError(StrataError, ValueError):
    """A ledger file is malformed; the message names the claim and the field."""


class Tolerance(Entry):
    """What counts as the published value; the kind of the check says which field is needed."""

    absolute: Annotated[float, Field(ge=0)] | None = None
    factor: Annotated[float, Field(ge=1)] | None = None
    low: float | None = None
    high: float | None = None
    reason: Text


class Place(Entry):
    """A measurement: a JSON file below results/<profile>/, and a key in it."""

    file: Text
    key: Text


class Check(Entry):
    """One published number.

    kind: exact (value +- absolute), ratio (within a factor), sign (the value's sign), and order,
    range, shape (low..high of a statistic that expresses the claim). grade: where it is not the
    claim's.
    """

    name: Text
    kind: Kind
    value: float
    unit: Text
    grade: Grade | None = None
    tolerance: Tolerance
    evidence: Place

    @model_validator(mode="after")
    def _tolerance_fits_kind(self) -> Self:
        needed = {"exact": {"absolute"}, "ratio": {"factor"}, "sign": set()}
        expected = needed.get(self.kind, {"low", "high"})
        given = self.tolerance.model_fields_set - {"reason"}
        if given != expected:
            raise ValueError(
                f"tolerance of kind {self.kind} needs {sorted(expected) or 'only a reason'}, "
                f"found {sorted(given)}"
            )
        if (self.kind == "ratio" and self.value == 0) or (self.kind == "sign" and self.value == 0):
            raise ValueError(f"a {self.kind} needs a value other than 0")
        return self

    @property
    def region(self) -> tuple[float, float]:
        """The values that agree with the paper, ends included."""
        infinity = float("inf")
        tolerance = self.tolerance
        match self.kind:
            case "exact":
                return self.value - tolerance.absolute, self.value + tolerance.absolute
            case "ratio":
                ends = (self.value / tolerance.factor, self.value * tolerance.factor)
                return min(ends), max(ends)
            case "sign":
                tiny = 5e-324
                return (-infinity, -tiny) if self.value < 0 else (tiny, infinity)
            case _:
                return tolerance.low, tolerance.high


class Claim(Entry):
    """A statement of a paper and the published numbers that carry it.

    id: begins with the paper's letter; locator: table, figure or section; grade: abs (the
    abstract), sum (a third party's summary), text (the paper), code (its released code or
    material), derived (computed by us from those); profile: the smallest in which the claim means
    anything; nulls: the null models it must also be tried on.
    """

    id: Annotated[str, Field(pattern="^[A-Z](-[A-Z0-9]+)+$")]
    locator: Text
    statement: Text
    grade: Grade
    profile: Text
    nulls: tuple[str, ...]
    note: str = ""
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]

    @property
    def paper(self) -> str:
        """The paper's letter."""
        return self.id[0]

    @property
    def stage(self) -> str | None:
        """The stage that measures the claim's first number; None if there is none."""
        return pipeline.stage_of(self.checks[0].evidence.file)


def load_ledger(folder: Path = paths.PAPERS) -> list[Claim]:
    """Every claim of every paper, in the order of the papers' letters and of the file.

    Raises:
        LedgerError: not YAML, an unknown, missing or wrong field, an id used twice or with another
            paper's letter, or an unknown profile.
    """
    claims = [claim for paper in load_papers(folder) for claim in _claims(paper, folder)]
    if not claims:
        raise LedgerError(f"{folder}: expected <paper>/claims.yaml, found none")
    ids = [claim.id for claim in claims]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise LedgerError(f"{folder}: ids used more than once: {', '.join(twice)}")
    return claims


def _claims(paper: Paper, folder: Path) -> list[Claim]:
    claims = read_entries(folder / paper.room / "claims.yaml", Claim, "id")
    known = profiles.ranks()
    for claim in claims:
        if claim.paper != paper.letter:
            raise LedgerError(
                f"claim {claim.id}: expected an id that begins with {paper.letter}-, as "
                f"{paper.room}/paper.yaml has it"
            )
        if claim.profile not in known:
            raise LedgerError(
                f"claim {claim.id}: profile {claim.profile!r}: expected one of {', '.join(known)}"
            )
    return claims


def read_entries(file: Path, kind: type[AnyEntry], name: str) -> list[AnyEntry]:
    """Read a YAML list of entries; errors call an entry by its field `name`.

    Raises:
        LedgerError: cannot be read, not a YAML list, or an unknown, missing or wrong field.
    """
    entries = read_yaml(file, LedgerError)
    if not isinstance(entries, list):
        raise LedgerError(f"{file}: expected a list, found {type(entries).__name__}")
    return [
        checked(
            kind,
            entry,
            f"{file.parent.name}/{file.name}, {_called(entry, kind, name, number)}",
            LedgerError,
        )
        for number, entry in enumerate(entries, 1)
    ]


def _called(entry: Any, kind: type[Entry], name: str, number: int) -> str:
    own = entry.get(name) if isinstance(entry, dict) else None
    return f"{kind.__name__.lower()} {own or f'number {number}'}"
