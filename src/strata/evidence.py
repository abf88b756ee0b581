"""What a stage measures on each subject, collected and written once.

    evidence = Evidence("anatomy", settings.profile)
    for subject, model in nulls.subjects(...):
        evidence.measured(subject, {"peak_layer": Estimate(11, 11, 11)})
        evidence.rows("ablation", table, subject=subject)
    evidence.write("ablation", about)      # ablation.json, and every table as <name>.csv

A subject is the model itself, a null model, or a control. Of torchrun's processes the first writes.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from strata import paths, ranks, records
from strata.records import Estimate

MODEL = "model"
RANDOM = "random_initialisation"
SHUFFLED = "shuffled_layers"
AS_PUBLISHED = "as_published"


def minus(null: str) -> str:
    """The subject that is the model minus a null model, where both saw the same items."""
    return f"{MODEL}_minus_{null}"


Measurements = dict[str, dict[str, Estimate]]  # key -> subject -> estimate


class Evidence:
    """The measurements and tables of one stage, written below results/<profile>/<room>/."""

    def __init__(self, room: str, profile: str, keys: Iterable[str] = ()) -> None:
        """`keys`: measurements that are written also where no subject has them."""
        self.folder: Path = paths.results(profile) / room
        self.measurements: Measurements = {key: {} for key in keys}
        self._tables: dict[str, list[pd.DataFrame]] = {}

    def measured(self, subject: str, estimates: Mapping[str, Estimate]) -> None:
        """Add what was measured on one subject, by key."""
        for key, estimate in estimates.items():
            self.measurements.setdefault(key, {})[subject] = estimate

    def add(self, *measurements: Mapping[str, Mapping[str, Estimate]]) -> None:
        """Add what was measured on several subjects, key by key."""
        for part in measurements:
            for key, subjects in part.items():
                self.measurements.setdefault(key, {}).update(subjects)

    def rows(self, name: str, table: pd.DataFrame, **of: object) -> None:
        """Add rows to the table `name`; `of` (subject, reading...) become its first columns."""
        named = table.copy()
        for place, (column, value) in enumerate(of.items()):
            named.insert(place, column, value)
        self._tables.setdefault(name, []).append(named)

    def write(self, name: str, about: Mapping[str, Any]) -> None:
        """Write `<name>.json`, what the ledger judges, and every table.

        Args:
            about: the conditions every number was measured under (model, data, metric, dtype...).
        """
        self.write_tables()
        if ranks.RANK == 0:
            file = self.folder / f"{name}.json"
            records.write_measurements(file, dict(about), self.measurements)

    def write_tables(self) -> None:
        """Write every table as `<name>.csv`."""
        for name, parts in self._tables.items() if ranks.RANK == 0 else ():
            records.write_csv(self.folder / f"{name}.csv", pd.concat(parts, ignore_index=True))
