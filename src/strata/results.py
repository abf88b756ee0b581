"""Evidence that something else is computed from: whole, or one line that names file and stage."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strata import pipeline
from strata.errors import StrataError


class ResultError(StrataError):
    """A file of results is not there, is damaged, or is another than is needed."""


def read_json(file: Path) -> dict[str, Any]:
    """A mapping from a JSON file.

    Raises:
        ResultError: not there, not JSON, or no mapping.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(f"{file}: not readable JSON ({error}); {again(file)}") from error
    if not isinstance(content, dict):
        found = type(content).__name__
        raise ResultError(f"{file}: expected a mapping, found {found}; {again(file)}")
    return content


def read_table(file: Path, *numbers: str) -> pd.DataFrame:
    """A table from a CSV file.

    Args:
        numbers: the columns that are needed for what they count.

    Raises:
        ResultError: not there, empty, cut off, short of a column, or with a cell that is no number.
    """
    try:
        whole = file.read_bytes().endswith(b"\n")
        table = pd.read_csv(file)
    except (OSError, ValueError) as error:  # pandas' own are values that are wrong
        reason = " ".join(str(error).split())
        raise ResultError(f"{file}: not a readable table ({reason}); {again(file)}") from error
    if not whole or table.empty:
        found = "its last line cut" if not whole else "no row"
        raise ResultError(f"{file}: expected a whole table, found {found}; {again(file)}")
    missing = sorted(set(numbers) - set(table))
    if missing:
        raise ResultError(f"{file}: expected columns {', '.join(missing)}; {again(file)}")
    for name in numbers:
        wrong = table[name][~np.isfinite(pd.to_numeric(table[name], errors="coerce"))]
        if len(wrong):
            found = "none" if wrong.isna().any() else wrong.iloc[0]
            raise ResultError(f"{file}: expected numbers in {name}, found {found}; {again(file)}")
    return table


def again(file: Path) -> str:
    """What to do about a damaged file: run the stage that writes it."""
    parts = file.parts[-2:]
    stage = next(filter(None, (pipeline.stage_of("/".join(parts[i:])) for i in (0, 1))), None)
    return f"run stage {stage} again" if stage else "run its stage again"
