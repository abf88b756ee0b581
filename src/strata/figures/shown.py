"""What a figure reads: one profile's evidence, its parameters, and the published values."""

from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from strata import paths
from strata.params import Params
from strata.results import NoResultError, read_table


class Published(Protocol):
    """The ledger's values, as `strata.claims.published` has them."""

    def value(self, key: str) -> float: ...

    def by_layer(self, file: str, prefix: str) -> dict[int, float]: ...

    def by_name(self, file: str, prefix: str) -> dict[str, float]: ...


@dataclass(frozen=True)
class Shown:
    """The evidence of one profile. Every public figure of a room is a function of it alone."""

    settings: Params
    published: Published

    @property
    def profile(self) -> str:
        return self.settings.profile

    def table(self, name: str, rows: str = "") -> pd.DataFrame:
        """Rows of `results/<profile>/<name>.csv`; `rows` is a query that chooses them.

        Raises:
            NoResultError: there is no such file, or no such row.
        """
        table = read_table(paths.results(self.profile) / f"{name}.csv")
        found = table.query(rows) if rows else table
        if found.empty:
            raise NoResultError(f"{self.profile}/{name}.csv: no rows where {rows}")
        return found
