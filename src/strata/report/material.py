"""Everything the report is made of, read once."""

from pathlib import Path
from typing import NamedTuple

from strata import paths
from strata.claims import load_ledger
from strata.claims.speaking import Spoken, speaking
from strata.papers import Paper, load_papers
from strata.report.texts import Correction, Covered, Deviation, Headline, load_texts

TEXTS = (Headline, Deviation, Correction, Covered)


class Material(NamedTuple):
    """Everything the report is made of, read once; texts by paper's letter."""

    results: Path
    papers: list[Paper]
    spoken: list[Spoken]
    headlines: dict[str, list[Headline]]
    deviations: dict[str, list[Deviation]]
    corrections: dict[str, list[Correction]]
    coverage: dict[str, list[Covered]]

    def of(self, paper: Paper) -> list[Spoken]:
        """The claims of one paper."""
        return [each for each in self.spoken if each.claim.paper == paper.letter]


def read_material() -> Material:
    """Read ledger, evidence, headlines and deviations.

    Raises:
        LedgerError: one of them is malformed, or names what is not there.
    """
    papers, claims = load_papers(), load_ledger()
    known = {claim.id: [check.evidence.key for check in claim.checks] for claim in claims}
    texts = [
        {each.letter: load_texts(kind, paths.PAPERS / each.room, known) for each in papers}
        for kind in TEXTS
    ]
    return Material(paths.RESULTS, papers, speaking(claims), *texts)


def heading(paper: Paper) -> str:
    """What a paper is called in a heading."""
    return f"Paper {paper.letter}: {paper.title}"
