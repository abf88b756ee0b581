"""Where a notebook discusses a claim: the headings that name it."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import nbformat

HEADING = re.compile(r"^(#{1,3}) +(.+?) *$", flags=re.MULTILINE)
CLAIM = re.compile(r"\b[ABC](?:-[A-Z0-9]+)+\b")

PAPER = re.compile(r"^Paper ([ABC]):")


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


def section_of_claims(notebooks: list[Path]) -> dict[str, Section]:
    """Claim id -> the first heading that names it; paper -> the title of its notebook."""
    found: dict[str, Section] = {}
    for notebook in notebooks:
        for section in sections(notebook):
            for name in [*PAPER.findall(section.text), *CLAIM.findall(section.text)]:
                found.setdefault(name, section)
    return found


def section_of(claim: str, found: dict[str, Section]) -> Section:
    """A claim's own section, else that of the group its id begins with, else its paper's notebook.

    Args:
        found: section_of_claims; it has an entry for the claim's paper.
    """
    while claim not in found:
        claim = claim.rpartition("-")[0]
    return found[claim]
