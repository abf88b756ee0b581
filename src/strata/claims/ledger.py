"""The ledger: every published number, where it stands, how it is judged and on what evidence."""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from strata.errors import StrataError

PROFILES = ("smoke", "laptop", "gpu", "paper")

Profile = Literal["smoke", "laptop", "gpu", "paper"]
Kind = Literal["exact", "ratio", "sign", "order", "range", "shape"]
Grade = Literal["abs", "sum", "text", "code", "derived"]
Text = Annotated[str, Field(min_length=1)]


class LedgerError(StrataError, ValueError):
    """A ledger file is malformed; the message names the claim and the field."""


class Entry(BaseModel):
    """Part of the ledger: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnyEntry = TypeVar("AnyEntry", bound=Entry)


class Tolerance(Entry):
    """What counts as the published value; the kind of the check says which field is needed."""

    absolute: Annotated[float, Field(ge=0)] | None = None
    factor: Annotated[float, Field(ge=1)] | None = None
    low: float | None = None
    high: float | None = None
    reason: Text


class Evidence(Entry):
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
    evidence: Evidence

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

    locator: table, figure or section; grade: abs (the abstract), sum (a third party's summary),
    text (the paper), code (its released code or material), derived (computed by us from those);
    profile: the smallest in which the claim means anything; stage: of dvc.yaml, null if none
    measures it; nulls: the null models it must also be tried on.
    """

    id: Text
    paper: Literal["A", "B", "C"]
    locator: Text
    statement: Text
    grade: Grade
    profile: Profile
    stage: Text | None
    nulls: tuple[str, ...]
    note: str = ""
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]


def load_ledger(folder: Path) -> list[Claim]:
    """Read every ledger file in a folder, in file and line order.

    Raises:
        LedgerError: no file, not YAML, an unknown, missing or wrong field, or an id used twice.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise LedgerError(f"{folder}: expected ledger files (*.yaml), found none")
    claims = [claim for file in files for claim in read_entries(file, Claim, "id")]
    ids = [claim.id for claim in claims]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise LedgerError(f"{folder}: ids used more than once: {', '.join(twice)}")
    return claims


def read_entries(file: Path, kind: type[AnyEntry], name: str) -> list[AnyEntry]:
    """Read a YAML list of entries; errors call an entry by its field `name`.

    Raises:
        LedgerError: cannot be read, not a YAML list, or an unknown, missing or wrong field.
    """
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LedgerError(f"{file}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise LedgerError(f"{file}: not valid YAML: {error}") from error
    if not isinstance(entries, list):
        raise LedgerError(f"{file}: expected a list, found {type(entries).__name__}")
    return [_entry(entry, kind, name, file, number) for number, entry in enumerate(entries, 1)]


def _entry(entry: object, kind: type[AnyEntry], name: str, file: Path, number: int) -> AnyEntry:
    called = entry.get(name, f"number {number}") if isinstance(entry, dict) else f"number {number}"
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'entry'}: {e['msg']}" for e in error.errors()
        )
        raise LedgerError(f"{file.name}, {kind.__name__.lower()} {called}: {problems}") from error
