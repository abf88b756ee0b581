"""Published values by the evidence they are judged on, for reference marks in figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from strata import paths, profiles
from strata.claims.entries import Check, Claim
from strata.claims.ledger import load_ledger
from strata.figures.shown import Shown
from strata.params import read


@dataclass(frozen=True)
class Published:
    """The checks of a ledger, by file and key of their evidence."""

    claims: Sequence[Claim]

    @property
    def _checks(self) -> list[Check]:
        return [check for claim in self.claims for check in claim.checks]

    def value(self, key: str) -> float:
        """The published value of the check judged on an evidence key.

        Raises:
            KeyError: no check with a published number names the key.
        """
        for check in self._checks:
            if check.evidence.key == key and check.published is not None:
                return check.published
        raise KeyError(f"no check of the ledger is judged on {key!r}")

    def by_layer(self, file: str, prefix: str) -> dict[int, float]:
        """Layer -> published value, of the checks whose evidence key is `<prefix><layer>`."""
        return {int(name): value for name, value in self.by_name(file, prefix).items()}

    def by_name(self, file: str, prefix: str) -> dict[str, float]:
        """Name -> published value, of the checks whose evidence key is `<prefix><name>`, the first
        claim's where several name it."""
        return {
            check.evidence.key.removeprefix(prefix): check.published
            for check in reversed(self._checks)
            if check.evidence.file == file
            and check.evidence.key.startswith(prefix)
            and check.published is not None
        }


def shown(profile: str) -> Shown:
    """A profile's evidence beside what was published, for figures and notebooks."""
    folder = paths.ROOT if profile == profiles.base() else paths.results(profile)
    return Shown(read(folder / "params.yaml"), Published(load_ledger()))
