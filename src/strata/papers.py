"""The papers as data: `data/papers/<paper>/paper.yaml` says what each one is called and what it
studied."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from strata import paths
from strata.errors import StrataError
from strata.yamls import Entry, Name, Text, checked, read_mapping, repeated

FILE = "paper.yaml"


class PaperError(StrataError):
    """A paper's file is malformed, or two papers share a letter."""


class Condition(Entry):
    """One thing that the paper's experiment fixed, and where an evidence file records ours.

    at: path in the file's `about`, parts separated by `/`; where it is not said, `what`.
    """

    what: Text
    published: str | float | tuple[str, ...]
    at: str = ""


class Ability(Entry):
    """What a model must be able to do before it can be said to keep or lose it.

    key: a measurement that must lie above or below a value with its whole interval, or with a `*`
    at its end every one that begins so; file: where it is, the file of the check that is judged if
    it is not said.
    """

    says: Text
    file: str = ""
    key: Text
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("expected one of above and below")
        return self


class Paper(Entry):
    """A paper: its folder's name, the letter its claims begin with, and where it is discussed.

    room: folder in `data/papers/` and in `src/strata/`; notebook: stem of a file in `notebooks/`;
    protocols, abilities, nulls: what its claims name; nulls beside those of `strata.nulls`.
    """

    room: str
    letter: Annotated[str, Field(pattern="^[A-Z]$")]
    title: Text
    authors: Text
    year: Annotated[int, Field(gt=0)]
    arxiv: Text
    about: Text
    notebook: Name
    protocols: dict[str, tuple[Condition, ...]] = Field(default_factory=dict)
    abilities: dict[str, Ability] = Field(default_factory=dict)
    nulls: tuple[Text, ...] = ()


def load_papers(folder: Path = paths.PAPERS) -> list[Paper]:
    """Every paper, in the order of their letters.

    Raises:
        PaperError: a file is malformed, or a letter is used twice.
    """
    files = sorted(folder.glob(f"*/{FILE}"))
    papers = [
        checked(
            Paper,
            read_mapping(file, PaperError) | {"room": file.parent.name},
            f"{file.parent.name}/{FILE}",
            PaperError,
        )
        for file in files
    ]
    for letter in repeated(paper.letter for paper in papers):
        raise PaperError(f"{folder}: expected each letter once, found {letter} again")
    return sorted(papers, key=lambda paper: paper.letter)
