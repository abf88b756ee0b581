"""From ledger and evidence to verdicts. Nothing here is typed by hand.

A check holds when the whole 95% interval lies in the region that the ledger allows, fails when all
of it lies outside, and is open otherwise. What holds must also be specific (`strata.claims.nulls`).
*Replicated* is kept for evidence under the paper's own protocol; on anything else a claim holds or
fails on a stand-in.
"""

import fnmatch
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError

from strata import profiles
from strata.claims import nulls, power
from strata.claims.ledger import Check, Claim, LedgerError
from strata.claims.protocol import differences, recorded, size
from strata.evidence import AS_PUBLISHED, MODEL
from strata.papers import Ability
from strata.records import Estimate

Decision = Literal["holds", "fails", "in part", "not specific", "artefact", "open", "not run"]
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
Open = Literal[
    "more data would decide",
    "cannot be decided this way",
    "not comparable",
    "the null is undecided",
    "some parts were not run",
]
AGAINST: tuple[Decision, ...] = ("fails", "artefact", "not specific")

Interval = dict[str, float]
Measured = dict[str, Estimate]


class Ruling(NamedTuple):
    """What was decided on a check, why, and for an open one of which kind it is."""

    decision: Decision
    because: str
    open: Open | None = None


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

    parts: how many checks have which outcome. rests_on: required claims that do not hold.
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


def _ordered(estimate: Estimate) -> Estimate:
    if not estimate.low <= estimate.value <= estimate.high:
        raise ValueError(f"expected low at most value at most high, found {tuple(estimate)}")
    return estimate


MEASUREMENTS = TypeAdapter(
    dict[str, dict[str, Annotated[Estimate, AfterValidator(_ordered)]]],
    config=ConfigDict(allow_inf_nan=False, strict=True),
)


class Evidence(NamedTuple):
    """One file: what was measured, and under which conditions."""

    about: dict[str, Any]
    measurements: dict[str, Measured]


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


def _judge_claim(tried: "Tried") -> Verdict:
    claim = tried.claim
    found = [each for each in map(tried.evidence, _files(claim)) if each]
    differing: dict[str, str] = {}
    for each in found:
        differing |= differences(claim.conditions, each.about)
    rulings = [_ruling(tried, check, differing) for check in claim.checks]
    whole = combine(rulings)
    checks = [
        _judged(tried, check, each, bool(differing))
        for check, each in zip(claim.checks, rulings, strict=True)
    ]
    return Verdict(
        claim.id,
        worded(whole.decision, bool(differing)),
        whole.because,
        sorted({each.open for each in [whole, *rulings] if each.open}),
        ", ".join(sorted({str(each.about["model"]) for each in found})) or None,
        differing,
        dict(Counter(each.outcome for each in checks)),
        {},
        checks,
    )


def _files(claim: Claim) -> list[str]:
    return sorted({check.evidence.file for check in claim.checks})


def _judged(tried: "Tried", check: Check, ruling: Ruling, stand_in: bool) -> Judged:
    measured = tried.measured(check)
    own = measured.get(tried.subject)
    present = [name for name in tried.nulls(check) if name in measured]
    return Judged(
        check.name,
        worded(ruling.decision, stand_in),
        ruling.because,
        ruling.open,
        own and own._asdict(),
        {name: measured[name]._asdict() for name in present},
        {
            name: nulls.model_minus(name, measured, tried.subject)._asdict()
            for name in present
            if own
        },
    )


class Tried(NamedTuple):
    """A claim, and what it is judged on; `evidence` reads a file, None where there is none."""

    claim: Claim
    evidence: Callable[[str], Evidence | None]
    profile: str
    subject: str

    def measured(self, check: Check) -> Measured:
        """Subject -> estimate of a check; nothing where it was not run.

        Raises:
            LedgerError: the file lacks the key, and nothing is said to measure it later.
        """
        found, key = self.evidence(check.evidence.file), check.evidence.key
        if found is None or (check.pending and key not in found.measurements):
            return {}
        if key not in found.measurements:
            raise LedgerError(
                f"claim {self.claim.id}, check {check.name}: evidence.key {key!r} is not in "
                f"{check.evidence.file}; it has {', '.join(sorted(found.measurements))}"
            )
        return found.measurements[key]

    def nulls(self, check: Check) -> list[str]:
        """The null models that a check asks for, without the subject itself."""
        return [name for name in self.claim.nulls_of(check) if name != self.subject]

    def able(self, check: Check, subject: str) -> bool:
        """Whether a subject is shown to do what the claim is about."""
        ability = self.claim.ability
        if ability is None:
            return True
        found = self.evidence(ability.file or check.evidence.file)
        keys = fnmatch.filter(found.measurements, ability.key) if found else []
        shown = [found.measurements[key].get(subject) for key in keys]
        return bool(shown) and all(each is not None and _able(ability, each) for each in shown)


def _able(ability: Ability, found: Estimate) -> bool:
    low, high = ability.above, ability.below
    return found.low > low if low is not None else found.high < high


def combine(rulings: Sequence[Ruling]) -> Ruling:
    """A claim's ruling from its checks'.

    All hold: it holds. One is decided against: it holds in part if another holds, else it fails;
    open parts never hide a refuted one. Otherwise it is open, or not run where nothing was.
    """
    because = _reasons(rulings)
    decisions = [each.decision for each in rulings]
    found = set(decisions)
    if len(found) == 1:
        return Ruling(decisions[0], because, rulings[0].open)
    against = [each for each in AGAINST if each in found]
    if against:
        return Ruling("in part" if "holds" in found else against[0], because)
    return Ruling("open", because, "some parts were not run" if "not run" in found else None)


def _reasons(rulings: Sequence[Ruling]) -> str:
    """Each reason, with how many of several checks it is true of."""
    reasons = Counter(each.because for each in rulings)
    if len(reasons) == 1:
        return rulings[0].because
    return "; ".join(f"{each} ({n} of {reasons.total()})" for each, n in reasons.most_common())


def worded(decision: Decision, stand_in: bool) -> Outcome:
    """A decision as an outcome: `replicated` is kept for the paper's own protocol."""
    if decision == "holds":
        return "holds on a stand-in" if stand_in else "replicated"
    if decision == "fails":
        return "fails on a stand-in" if stand_in else "not replicated"
    return decision


def _ruling(tried: Tried, check: Check, differing: Mapping[str, str]) -> Ruling:
    measured = tried.measured(check)
    if tried.subject not in measured:
        later = f"to be measured by {check.pending}" if check.pending else "no evidence"
        return Ruling("not run", later)
    return (
        _not_comparable(tried.claim, differing)
        or _too_small(tried)
        or _unable(tried, check)
        or _too_few(tried, check)
        or _censored(tried, check)
        or _decided(tried, check, measured)
    )


def _too_small(tried: Tried) -> Ruling | None:
    least = tried.claim.profile
    if profiles.rank(tried.profile) >= profiles.rank(least):
        return None
    return Ruling("open", f"says something from the {least} profile on", "more data would decide")


def _not_comparable(claim: Claim, differing: Mapping[str, str]) -> Ruling | None:
    other = [each for each in claim.comparable if each in differing]
    if not other:
        return None
    return Ruling("open", f"a level that depends on {' and '.join(other)}", "not comparable")


def _unable(tried: Tried, check: Check) -> Ruling | None:
    if tried.able(check, tried.subject):
        return None
    return Ruling(
        "open",
        f"it is not shown that {tried.claim.ability.says}, so nothing can be lost",
        "cannot be decided this way",
    )


def _too_few(tried: Tried, check: Check) -> Ruling | None:
    repeats = tried.claim.repeats
    if repeats is None:
        return None
    found = recorded(tried.evidence(check.evidence.file).about, repeats.at)
    counts = found.values() if isinstance(found, Mapping) else [len(found or [1])]
    if min(counts) >= repeats.least:
        return None
    return Ruling(
        "open", f"{min(counts)} seed, {repeats.least} or more needed", "more data would decide"
    )


def _censored(tried: Tried, check: Check) -> Ruling | None:
    if not check.budget:
        return None
    budget = recorded(tried.evidence(check.evidence.file).about, check.budget)
    if budget == check.region[1]:
        raise LedgerError(
            f"claim {tried.claim.id}, check {check.name}: a region may not end at the budget, "
            f"{budget}: a value there is censored"
        )
    if budget is not None and tried.measured(check)[tried.subject].high < budget:
        return None
    return Ruling(
        "open",
        f"the budget of {budget or 'unknown'} {check.unit} was reached, so the value is not known",
        "cannot be decided this way",
    )


def _decided(tried: Tried, check: Check, measured: Measured) -> Ruling:
    interval = measured[tried.subject]
    held = nulls.holds(check.region, interval)
    if held is None:
        return _undecided(tried, check, interval)
    if not held:
        published = measured.get(AS_PUBLISHED)
        if published and nulls.holds(check.region, published):
            return Ruling("artefact", "agrees only with the published error in place")
        return Ruling("fails", "the interval lies outside the region")
    return _specific(tried, check, measured)


def _undecided(tried: Tried, check: Check, interval: Estimate) -> Ruling:
    across = "the interval lies on both sides of the region's end"
    if check.undecidable:
        return Ruling("open", check.undecidable, "cannot be decided this way")
    times = power.times_the_data(check, interval)
    known = size(tried.evidence(check.evidence.file).about, check.evidence.key)
    if times is None:
        return Ruling("open", f"{across}, close to the middle", "more data would decide")
    wanted = f"{times:.2g} times the data" if times < 100 else f"{times:,.0f} times the data"
    if known:
        wanted = f"about {round(times * known[0]):,} {known[1]} instead of {known[0]:,}"
    return Ruling("open", f"{across}; {wanted} would decide", "more data would decide")


def _specific(tried: Tried, check: Check, measured: Measured) -> Ruling:
    asked = tried.nulls(check)
    missing = [name for name in asked if name not in measured]
    found = {
        name: nulls.specific(
            check, measured[name], nulls.model_minus(name, measured, tried.subject)
        )
        for name in asked
        if name in measured
    }
    also = [_spaced(name) for name, each in found.items() if each == "not specific"]
    unclear = [_spaced(name) for name, each in found.items() if each == "undecided"]
    if also:
        return Ruling("not specific", f"agrees, and so does the null: {', '.join(also)}")
    if missing or unclear:
        reasons = [f"{_spaced(name)} was not tried" for name in missing]
        reasons += [f"{name} is not told apart" for name in unclear]
        return Ruling("open", f"agrees, but {' and '.join(reasons)}", "the null is undecided")
    return Ruling("holds", "the interval lies inside the region")


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def read_evidence(file: Path) -> Evidence | None:
    """An evidence file, checked; None where there is none.

    Raises:
        LedgerError: not JSON, a part missing, or an interval that is not one.
    """
    if not file.is_file():
        return None
    again = "run its stage again"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LedgerError(f"{file}: not valid JSON ({error}); {again}") from error
    if not isinstance(content, dict) or not {"about", "measurements"} <= content.keys():
        raise LedgerError(f"{file}: expected keys about and measurements; {again}")
    try:
        measurements = MEASUREMENTS.validate_python(content["measurements"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise LedgerError(f"{file}: {place}: {first['msg']}; {again}") from error
    if not isinstance(content["about"], dict) or "model" not in content["about"]:
        raise LedgerError(f"{file}: expected `model` in about; {again}")
    return Evidence(content["about"], measurements)
