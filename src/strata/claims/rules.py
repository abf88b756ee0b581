"""The rules: what is decided on one check, and on a claim from its checks.

A check holds when the whole 95% interval lies in the region that the ledger allows, fails when all
of it lies outside, and is open otherwise. What holds must also be specific (`strata.claims.nulls`).
"""

import fnmatch
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from strata import profiles
from strata.claims import nulls, power
from strata.claims.entries import Check, Claim, LedgerError
from strata.claims.measured import EvidenceFile, Measured
from strata.claims.protocol import recorded, size
from strata.evidence import AS_PUBLISHED
from strata.papers import Ability
from strata.records import Estimate

Decision = Literal["holds", "fails", "in part", "not specific", "artefact", "open", "not run"]
Open = Literal[
    "more data would decide",
    "cannot be decided this way",
    "not comparable",
    "the null is undecided",
    "some parts were not run",
]
AGAINST: tuple[Decision, ...] = ("fails", "artefact", "not specific")


class Ruling(NamedTuple):
    """What was decided on a check, why, and for an open one of which kind it is."""

    decision: Decision
    because: str
    open: Open | None = None


class Tried(NamedTuple):
    """A claim, and what it is judged on; `evidence` reads a file, None where there is none."""

    claim: Claim
    evidence: Callable[[str], EvidenceFile | None]
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
        ability = self.claim.ability(check)
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


def ruling(tried: Tried, check: Check, differing: Mapping[str, str]) -> Ruling:
    """What is decided on one check; the first rule that applies speaks.

    Args:
        differing: how the evidence differs from the paper's protocol, by condition.
    """
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
        f"it is not shown that {tried.claim.ability(check).says}, so nothing can be lost",
        "cannot be decided this way",
    )


def _too_few(tried: Tried, check: Check) -> Ruling | None:
    repeats = tried.claim.repeats
    if repeats is None:
        return None
    found = recorded(tried.evidence(check.evidence.file).about, repeats.at)
    counts = []
    if isinstance(found, Mapping):  # by what the key ends in, where it names one
        of = check.evidence.key.rpartition(".")[2]
        counts = [found[of]] if of in found else list(found.values())
    if isinstance(found, list):
        counts = [len(found)]
    fewest = min(counts, default=None) if all(isinstance(each, int) for each in counts) else None
    if fewest is not None and fewest >= repeats.least:
        return None
    because = f"{fewest} seed, {repeats.least} or more needed"
    if fewest is None:
        because = f"the evidence does not record {repeats.least} seeds or more"
    return Ruling("open", because, "more data would decide")


def _censored(tried: Tried, check: Check) -> Ruling | None:
    if not check.budget:
        return None
    found = recorded(tried.evidence(check.evidence.file).about, check.budget)
    budget = found if isinstance(found, int | float) else None
    if budget == check.region[1]:
        raise LedgerError(
            f"claim {tried.claim.id}, check {check.name}: a region may not end at the budget, "
            f"{budget}: a value there is censored"
        )
    if budget is not None and tried.measured(check)[tried.subject].high < budget:
        return None
    because = f"the budget of {budget} {check.unit} was reached, so the value is not known"
    if budget is None:
        because = "a value at the budget is censored, and the evidence does not record the budget"
    return Ruling("open", because, "cannot be decided this way")


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
