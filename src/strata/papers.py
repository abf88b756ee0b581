"""The papers as data: `data/papers/<paper>/paper.yaml` says what each one is called."""

from pathlib import Path
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


def load_papers(folder: Path = paths.PAPERS) -> list[Paper]:
    """Every paper, in the order of their letters.

    Raises:
        PaperError: a file is malformed, or a letter is used twice.
    """
    files = sorted(folder.glob(f"*/{FILE}"))
    papers = [
        checked(
            Paper,
            {"room": file.parent.name} | read_yaml(file, PaperError),
            f"{file.parent.name}/{FILE}",
            PaperError,
        )
        for file in files
    ]
    letters = [paper.letter for paper in papers]
    twice = sorted({letter for letter in letters if letters.count(letter) > 1})
    if twice:
        raise PaperError(f"{folder}: letters used more than once: {', '.join(twice)}")
    return sorted(papers, key=lambda paper: paper.letter)
