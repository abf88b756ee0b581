"""Evidence that something else is computed from: whole, or one line that names file and stage."""

import fnmatch
import json
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from strata import pipeline
from strata.errors import StrataError
from strata.yamls import told

Kind = TypeVar("Kind")


class ResultError(StrataError):
    """A file of results is not there, is damaged, or is another than is needed."""


class NoResultError(ResultError):
    """A file of results is not there."""


def read_json(file: Path) -> dict[str, Any]:
    """A mapping from a JSON file.

    Raises:
        ResultError: not there, not JSON, or no mapping.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{file}: not readable JSON ({error}); {again(file)}") from error
    if not isinstance(content, dict):
        found = type(content).__name__
        raise ResultError(f"{file}: expected a mapping, found {found}; {again(file)}")
    return content


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def read_as(file: Path, kind: TypeAdapter[Kind]) -> Kind:
    """What a JSON file holds, as a kind of mapping.

    Raises:
        ResultError: as `read_json`, or it holds something else.
    """
    try:
        return kind.validate_python(read_json(file))
    except ValidationError as error:
        raise ResultError(f"{file}: {told(error)}; {again(file)}") from error


def read_table(file: Path, *numbers: str, text: tuple[str, ...] = ()) -> pd.DataFrame:
    """A table from a CSV file.

    Args:
        numbers: the columns that are needed for what they count, `nll_L*` for all that begin so;
            text: other columns that are needed.

    Raises:
        ResultError: empty, cut off, short of a column, or with a cell that is no number;
            NoResultError: not there.
    """
    if not file.is_file():
        raise NoResultError(f"{file}: not there, so not a readable table; {again(file)}")
    try:
        whole = file.read_bytes().endswith(b"\n")
        table = pd.read_csv(file)
    except (OSError, ValueError) as error:  # pandas' own are values that are wrong
        raise ResultError(f"{file}: not a readable table ({error}); {again(file)}") from error
    if not whole or table.empty:
        found = "its last line cut" if not whole else "no row"
        raise ResultError(f"{file}: expected a whole table, found {found}; {again(file)}")
    found = {pattern: fnmatch.filter(table, pattern) for pattern in numbers}
    missing = sorted({*text, *numbers} - set(table) - {name for name in found if found[name]})
    if missing:
        raise ResultError(f"{file}: expected columns {', '.join(missing)}; {again(file)}")
    for name in chain(*found.values()):
        wrong = table[name][~np.isfinite(pd.to_numeric(table[name], errors="coerce"))]
        if len(wrong):
            cell = "none" if wrong.isna().any() else wrong.iloc[0]
            raise ResultError(f"{file}: expected numbers in {name}, found {cell}; {again(file)}")
    return table


def again(file: Path) -> str:
    """What to do about a damaged file: run the stage that writes it."""
    parts = file.parts[-2:]
    stage = next(filter(None, (pipeline.stage_of("/".join(parts[i:])) for i in (0, 1))), None)
    return f"run stage {stage} again" if stage else "run its stage again"
