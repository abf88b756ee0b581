"""What the ledger's files hold: a claim, its checks, and what counts as agreement."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from strata import pipeline
from strata.errors import StrataError
from strata.papers import Ability, Condition, Paper
from strata.yamls import Entry, Text

Kind = Literal["exact", "ratio", "sign", "order", "range", "shape"]
Grade = Literal["abs", "text", "code", "sum", "digitised", "derived"]
Words = Annotated[str, Field(pattern=r"^$|\S")]  # or none
End = Annotated[float, Field(allow_inf_nan=True)]  # of a region
INFINITY = float("inf")
TINY = 5e-324


class LedgerError(StrataError, ValueError):
    """A ledger file is malformed; the message names the claim and the field."""


class Source(Entry):
    """Where a number stands in the paper, and who states it.

    kind: abs (the abstract), text (the paper), code (its released code or material), sum (a third
    party's summary), digitised (read off a figure by us), derived (our inference from code, or
    arithmetic). The rest locates it.
    """

    kind: Grade
    section: str = ""
    table: str = ""
    figure: str = ""
    row: str = ""
    column: str = ""
    page: Annotated[int, Field(gt=0)] | None = None

    @property
    def where(self) -> str:
        """`Table 3, row Crown, column val PPL`."""
        parts = {
            "": self.section or ("abstract" if self.kind == "abs" else ""),
            "Table ": self.table,
            "Fig. ": self.figure,
            "row ": self.row,
            "column ": self.column,
            "page ": str(self.page or ""),
        }
        return ", ".join(name + part for name, part in parts.items() if part) or "not located"


class Tolerance(Entry):
    """What counts as agreement; the kind of the check says which fields are needed.

    difference: the smallest difference from a null model that matters.
    """

    absolute: Annotated[float, Field(ge=0)] | None = None
    factor: Annotated[float, Field(ge=1)] | None = None
    low: End | None = None
    high: End | None = None
    side: Literal["above", "below"] | None = None
    difference: Annotated[float, Field(gt=0)] | None = None
    reason: Text

    @model_validator(mode="after")
    def _ends_in_order(self) -> Self:
        low, high = self.low, self.high
        if low is not None and high is not None:
            if not low <= high:
                raise ValueError(f"expected low at most high, found {low} and {high}")
            if math.isinf(low) and math.isinf(high):
                raise ValueError(f"expected a finite end, found {low} and {high}")
        return self


class Place(Entry):
    """A measurement: a JSON file below results/<profile>/, and a key in it."""

    file: Annotated[str, Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+\.json$|^[a-z0-9_]+\.json$")]
    key: Text


class Check(Entry):
    """One statement that a measurement can refute.

    kind: exact (published +- absolute), ratio (within a factor), sign (a side of 0), and order,
    range, shape (low..high of a statistic that expresses the claim). published: the printed
    number, or null where there is none; then `says` gives the claim's direction in words. source,
    nulls: where they are not the claim's. keeps: it says that something is kept or lost, which no
    null model has. budget: where the evidence records the value from which on a measurement is
    censored. undecidable: why no amount of the same data would decide. pending: what will measure
    it. measure: named where it is ours and not the paper's; such a check stands beside the claim's
    verdict and decides nothing of it. able: where it is not the claim's.
    """

    name: Text
    kind: Kind
    published: float | None
    says: Words = ""
    unit: Text
    source: Source | None = None
    tolerance: Tolerance
    evidence: Place
    nulls: tuple[Text, ...] | None = None
    keeps: bool = False
    budget: Words = ""
    undecidable: Words = ""
    pending: Words = ""
    measure: Words = ""
    able: Text | None = None

    @model_validator(mode="after")
    def _tolerance_fits_kind(self) -> Self:
        needed = {"exact": {"absolute"}, "ratio": {"factor"}, "sign": {"side"}}
        expected = needed.get(self.kind, {"low", "high"})
        given = {name for name, value in self.tolerance if value is not None}
        given -= {"reason", "difference"}
        if given != expected:
            raise ValueError(
                f"tolerance of kind {self.kind} needs {sorted(expected)}, found {sorted(given)}"
            )
        return self

    @model_validator(mode="after")
    def _number_or_words(self) -> Self:
        if (self.published is None) == (not self.says):
            raise ValueError("expected a published number, or null and what the paper says")
        if self.published is None and self.kind in ("exact", "ratio"):
            raise ValueError(f"a {self.kind} needs a published number")
        if self.kind == "ratio" and self.published == 0:
            raise ValueError("a ratio needs a published number other than 0")
        if self.kind == "sign" and self.published and not _inside(self.published, self.region):
            raise ValueError(f"published {self.published} is not {self.tolerance.side} 0")
        return self

    @property
    def change(self) -> bool:
        """Whether the value is a change or difference, which may lie on either side of 0."""
        return self.kind == "sign" or self.unit.startswith("% ")

    @property
    def region(self) -> tuple[float, float]:
        """The values that agree with the paper, ends included."""
        tolerance, published = self.tolerance, self.published
        match self.kind:
            case "exact":
                return published - tolerance.absolute, published + tolerance.absolute
            case "ratio":
                ends = (published / tolerance.factor, published * tolerance.factor)
                return min(ends), max(ends)
            case "sign":
                return (TINY, INFINITY) if tolerance.side == "above" else (-INFINITY, -TINY)
            case _:
                return tolerance.low, tolerance.high


def _inside(value: float, region: tuple[float, float]) -> bool:
    return region[0] <= value <= region[1]


class Earlier(Entry):
    """A rule that stood before evidence changed it, as what it judged on instead."""

    rule: Text
    profile: Text | None = None
    keys: dict[str, str] = Field(default_factory=dict)


class Analysis(Entry):
    """The rule by which a claim is judged, and the commit that fixed it.

    after: whether evidence for the claim was known by then. earlier: the rule before.
    """

    rule: Text
    commit: Annotated[str, Field(pattern="^[0-9a-f]{7,40}$")]
    after: bool = False
    earlier: Earlier | None = None


class Repeats(Entry):
    """How many repeats (seeds) a claim needs, and where evidence records them."""

    at: Text
    least: Annotated[int, Field(ge=2)]


class Claim(Entry):
    """A statement of a paper and the checks that carry it.

    id: begins with the paper's letter. protocol, able: names in the paper's `protocols` and
    `abilities`. comparable: conditions of the protocol without which a number means nothing.
    profile: the smallest in which the claim means anything. nulls: the null models it must also be
    tried on; no_null: why there is none. requires: claims that it rests on.
    """

    id: Annotated[str, Field(pattern="^[A-Z](-[A-Z0-9]+)+$")]
    source: Source
    statement: Text
    protocol: Text
    comparable: tuple[Text, ...] = ()
    able: Text | None = None
    profile: Text
    nulls: tuple[Text, ...]
    no_null: Words = ""
    requires: tuple[Text, ...] = ()
    repeats: Repeats | None = None
    analysis: Analysis
    note: str = ""
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]
    _of: Paper = PrivateAttr()

    @model_validator(mode="after")
    def _nulls_or_reason(self) -> Self:
        bare = any(not self.nulls_of(check) for check in self.checks)
        if bare != bool(self.no_null):
            raise ValueError(
                "no_null: expected a reason where a check has no null model, and only there"
            )
        return self

    @model_validator(mode="after")
    def _no_null_without_anything_to_lose(self) -> Self:
        wrong = [check.name for check in self.checks if check.keeps and self.nulls_of(check)]
        if wrong:
            raise ValueError(
                f"check {wrong[0]}: expected no null model of what is kept or lost: a null model "
                "has nothing to lose, so it cannot fail"
            )
        return self

    @model_validator(mode="after")
    def _a_check_by_the_papers_measure(self) -> Self:
        if all(check.measure for check in self.checks):
            raise ValueError("checks: expected one by the paper's measure, found only our own")
        return self

    @property
    def paper(self) -> str:
        """The paper's letter."""
        return self.id[0]

    @property
    def derived(self) -> bool:
        """Whether it is our inference, not the authors' statement."""
        return self.source.kind == "derived"

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What the paper's experiment fixed."""
        return self._of.protocols[self.protocol]

    def ability(self, check: Check) -> Ability | None:
        """What the model must be able to do, for one check."""
        able = check.able or self.able
        return self._of.abilities[able] if able else None

    @property
    def stage(self) -> str | None:
        """The stage that measures the claim's first number; None if there is none."""
        return pipeline.stage_of(self.checks[0].evidence.file)

    def nulls_of(self, check: Check) -> tuple[str, ...]:
        """The null models of one check."""
        return self.nulls if check.nulls is None else check.nulls

    def source_of(self, check: Check) -> Source:
        """Where a check's number stands: its own source, with the claim's place if it has none."""
        if check.source is None:
            return self.source
        own = check.source.model_dump(exclude_unset=True)
        return Source.model_validate(self.source.model_dump(exclude_unset=True) | own)
