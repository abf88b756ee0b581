"""The papers as data: `data/papers/<paper>/paper.yaml` says what each one is called."""

from typing import Annotated

from pydantic import Field

from strata import paths
from strata.errors import StrataError
from strata.yamls import Entry, checked, read_yaml

FILE = "paper.yaml"


class PaperError(StrataError):
    """A paper's file is malformed, or two papers share a letter."""


class Paper(Entry):
    """A paper: its folder's name, the letter its claims begin with, and where it is discussed.

    room: folder in `data/papers/` and in `src/strata/`; notebook: stem of a file in `notebooks/`.
    """

    room: str
    letter: Annotated[str, Field(pattern="^[A-Z]$")]
    title: str
    authors: str
    year: int
    arxiv: str
    about: str
    notebook: str


def load_papers() -> list[Paper]:
    """Every paper, in the order of their letters.

    Raises:
        PaperError: a file is malformed, or a letter is used twice.
    """
    files = sorted(paths.PAPERS.glob(f"*/{FILE}"))
    papers = [
        checked(
            Paper,
            {"room": file.parent.name} | read_yaml(file, PaperError),
            str(file.relative_to(paths.ROOT)),
            PaperError,
        )
        for file in files
    ]
    letters = [paper.letter for paper in papers]
    twice = sorted({letter for letter in letters if letters.count(letter) > 1})
    if twice:
        raise PaperError(f"{paths.PAPERS}: letters used more than once: {', '.join(twice)}")
    return sorted(papers, key=lambda paper: paper.letter)
