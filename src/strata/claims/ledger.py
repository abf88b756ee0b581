"""The ledger: every published claim, who states it, on what it was tested, and how it is judged."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from strata import paths, pipeline, profiles
from strata.claims.entries import Claim, LedgerError
from strata.evidence import RANDOM, SHUFFLED
from strata.papers import Paper, load_papers
from strata.yamls import AnyEntry, Entry, checked, read_yaml, repeated

STANDARD_NULLS = (RANDOM, SHUFFLED)


def load_ledger(folder: Path = paths.PAPERS) -> list[Claim]:
    """Every claim of every paper, in the order of the papers' letters and of the file.

    Raises:
        LedgerError: not YAML, an unknown, missing or wrong field, an id used twice or with another
            paper's letter, or a profile, protocol, ability, null model, evidence file or required
            claim that is not there.
    """
    claims = [claim for paper in load_papers(folder) for claim in _claims(paper, folder)]
    if not claims:
        raise LedgerError(f"{folder}: expected <paper>/claims.yaml, found none")
    _requirements(claims)
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
        _known(claim, "profile", [claim.profile], known)
        _known(claim, "protocol", [claim.protocol], paper.protocols)
        able = filter(None, [claim.able, *(check.able for check in claim.checks)])
        _known(claim, "able", able, paper.abilities)
        _known(claim, "nulls", _nulls(claim), STANDARD_NULLS + paper.nulls)
        claim._of = paper
        files = [check.evidence.file for check in claim.checks if not check.pending]
        abilities = filter(None, map(claim.ability, claim.checks))
        files += [ability.file for ability in abilities if ability.file]
        _known(claim, "evidence.file", files, pipeline.every_file())
        if (earlier := claim.analysis.earlier) is not None:
            _known(claim, "earlier.profile", filter(None, [earlier.profile]), known)
            _known(claim, "earlier.keys", earlier.keys, [c.evidence.key for c in claim.checks])
        labels = [each.what for each in paper.protocols[claim.protocol]]
        _known(claim, "comparable", claim.comparable, labels)
    return claims


def _nulls(claim: Claim) -> list[str]:
    return [*claim.nulls, *(name for check in claim.checks for name in check.nulls or ())]


def _known(
    claim: Claim, field: str, names: Iterable[str], known: Mapping[str, Any] | Sequence[str]
) -> None:
    for name in names:
        if name not in known:
            raise LedgerError(
                f"claim {claim.id}: {field} {name!r}: expected one of {', '.join(sorted(known))}"
            )


def _requirements(claims: Sequence[Claim]) -> None:
    """Required claims exist, and none rests on itself."""
    by_id = {claim.id: claim for claim in claims}
    for claim in claims:
        _known(claim, "requires", claim.requires, by_id)
        if claim.id in rests_on(claim, by_id):
            raise LedgerError(f"claim {claim.id}: requires: expected no circle, found one")


def rests_on(claim: Claim, by_id: Mapping[str, Claim]) -> set[str]:
    """The ids that a claim requires, directly or not."""
    found: set[str] = set()
    waiting = list(claim.requires)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += by_id[name].requires
    return found


def read_entries(file: Path, kind: type[AnyEntry], name: str) -> list[AnyEntry]:
    """Read a YAML list of entries; errors call an entry by its field `name`.

    Raises:
        LedgerError: cannot be read, not a YAML list, an unknown, missing or wrong field, or the
            same entry twice.
    """
    found = read_yaml(file, LedgerError)
    if not isinstance(found, list):
        raise LedgerError(f"{file}: expected a list, found {type(found).__name__}")
    place = f"{file.parent.name}/{file.name}"
    entries = [
        checked(kind, entry, f"{place}, {_called(entry, kind, name, number)}", LedgerError)
        for number, entry in enumerate(found, 1)
    ]
    for twice in repeated(getattr(entry, name) for entry in entries):
        raise LedgerError(f"{place}: expected each {name} once, found {twice} again")
    return entries


def _called(entry: Any, kind: type[Entry], name: str, number: int) -> str:
    own = entry.get(name) if isinstance(entry, dict) else None
    return f"{kind.__name__.lower()} {own or f'number {number}'}"
