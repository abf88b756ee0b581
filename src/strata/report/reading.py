"""What a notebook reads: of every evidence file, the profile that speaks for the claims on it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from strata import paths, profiles
from strata.claims.numbers import interval
from strata.claims.published import shown
from strata.claims.speaking import Spoken, profile_of
from strata.claims.tables import check_table, claim_table, markdown
from strata.evidence import MODEL
from strata.figures.shown import Shown
from strata.papers import Paper
from strata.report.material import Material, read_material
from strata.report.parts import deviations_of
from strata.results import read_json

COLUMNS = ["claim", "check", "published", "agrees", "ours", "nulls", "verdict", "model", "profile"]


def profile_for(file: str, spoken: Sequence[Spoken]) -> str:
    """The profile that speaks for a file: for the claims judged on it, else the one of highest rank
    that has it."""
    having = (p for p in profiles.speaking() if (paths.results(p) / file).is_file())
    return profile_of(file, spoken) or next(having, profiles.base())


class Reading:
    """One room's evidence: a file is named without its room, `ablation.json` is `ablation`."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.material: Material = read_material()

    @property
    def paper(self) -> Paper:
        """The paper of this room."""
        (paper,) = (each for each in self.material.papers if each.room == self.room)
        return paper

    @property
    def spoken(self) -> list[Spoken]:
        """The paper's claims, each as the profile judges it that speaks for it."""
        return self.material.of(self.paper)

    def profile(self, name: str) -> str:
        """The profile that speaks for a file."""
        return profile_for(f"{self.room}/{name}.json", self.material.spoken)

    def shown(self, name: str) -> Shown:
        """The evidence beside a file, for figures."""
        return shown(self.profile(name))

    def content(self, name: str) -> dict[str, Any]:
        """Conditions (`about`) and `measurements` of a file."""
        file = paths.results(self.profile(name)) / self.room / f"{name}.json"
        return read_json(file)

    def table(self, name: str, beside: str, rows: str = "") -> pd.DataFrame:
        """A table of the profile that speaks for the file `beside` it."""
        return self.shown(beside).table(f"{self.room}/{name}", rows)

    def conditions(self, name: str) -> pd.DataFrame:
        """What every number of a file was measured under."""
        about = {"profile": self.profile(name)} | self.content(name)["about"]
        return pd.Series(about, name="conditions").astype(str).to_frame()

    def number(self, name: str, key: str, subject: str = MODEL) -> str:
        """A measurement with its interval."""
        return interval(self.content(name)["measurements"][key].get(subject))

    def compare(self, name: str, keys: list[str]) -> pd.DataFrame:
        """Each key's value and interval on the model and on every null."""
        found = self.content(name)["measurements"]
        rows = {key: {each: interval(e) for each, e in found[key].items()} for key in keys}
        return pd.DataFrame.from_dict(rows, orient="index").fillna("-")

    def verdicts(self) -> str:
        """One row a claim of the paper, in Markdown."""
        return markdown(claim_table(self.spoken))

    def numbers(self) -> str:
        """One row a published number of the paper, in Markdown."""
        return markdown(check_table(self.spoken)[COLUMNS])

    def deviations(self) -> str:
        """Where the paper, its code and this repository differ, in Markdown."""
        return deviations_of(self.material, self.paper.letter)
