"""Where a notebook discusses a claim: the headings that name it."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import nbformat

from strata.papers import Paper

HEADING = re.compile(r"^(#{1,3}) +(.+?) *$", flags=re.MULTILINE)
CLAIM = re.compile(r"\b[A-Z](?:-[A-Z0-9]+)+\b")


class Section(NamedTuple):
    """A heading: the notebook's stem, its level (1 to 3), its text and its anchor in HTML."""

    notebook: str
    level: int
    text: str

    @property
    def anchor(self) -> str:
        """As nbconvert and Jupyter make it."""
        return quote(self.text.replace(" ", "-"), safe="?/:@!$&'()*+,;=")


def sections(notebook: Path) -> list[Section]:
    """Headings of a notebook in order."""
    cells = nbformat.read(notebook, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return [Section(notebook.stem, len(marks), title) for marks, title in HEADING.findall(text)]


def section_of_claims(notebooks: list[Path], papers: list[Paper]) -> dict[str, Section]:
    """Claim id -> the first heading that names it; paper's letter -> the title of its notebook."""
    found: dict[str, Section] = {}
    for notebook in notebooks:
        headings = sections(notebook)
        for section in headings:
            for name in CLAIM.findall(section.text):
                found.setdefault(name, section)
        for paper in papers:
            if paper.notebook == notebook.stem:
                found[paper.letter] = headings[0]
    return found


def section_of(claim: str, found: dict[str, Section]) -> Section | None:
    """A claim's own section, else that of the group its id begins with, else its paper's notebook;
    None where the paper has no notebook.

    Args:
        found: section_of_claims.
    """
    while claim:
        if claim in found:
            return found[claim]
        claim = claim.rpartition("-")[0]
    return None
