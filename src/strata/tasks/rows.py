"""Rows of JSON-lines files, as they are written: strings stay strings, and odd rows are named."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset

from strata.errors import StrataError


class TaskError(StrataError, RuntimeError):
    """A benchmark cannot be had as asked."""


def json_lines(file: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file in UTF-8; only \\n ends one.

    Raises:
        TaskError: a row that is not a JSON object; it names file and row.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"{file}: cannot be read as UTF-8 text ({error})") from error
    rows = []
    for number, line in enumerate(io.StringIO(text), start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise TaskError(f"{file}, row {number}: not valid JSON ({error.msg})") from error
        if not isinstance(row, dict):
            raise TaskError(f"{file}, row {number}: expected an object with fields, found {row!r}")
        rows.append(row)
    return rows


def need_fields(where: str, row: dict[str, Any], fields: Sequence[str]) -> None:
    """Check that a row has the fields that are read.

    Raises:
        TaskError: it names the row and the field.
    """
    for field in fields:
        if field not in row:
            found = ", ".join(sorted(row))
            raise TaskError(f"{where}: expected a field {field!r}, found {found}")


def dataset(file: Path, fields: Sequence[str]) -> Dataset:
    """The rows of a JSON-lines file as a data set.

    Args:
        fields: what is read of a row; if none, all that the first row has.

    Raises:
        TaskError: as `json_lines`; no row; a field is missing, or of another kind than in the first
            row.
    """
    rows = json_lines(file)
    if not rows:
        raise TaskError(f"{file}: expected at least one row, found none")
    for number, row in enumerate(rows, start=1):
        need_fields(f"{file}, row {number}", row, fields or tuple(rows[0]))
    try:
        return Dataset.from_list(rows)
    except (pa.ArrowException, OverflowError) as error:
        raise TaskError(f"{file}, {_odd(rows)}") from error


def _odd(rows: list[dict[str, Any]]) -> str:
    """Which field is of different kinds, and where it changes."""
    for number, row in enumerate(rows, start=1):
        for field, first in rows[0].items():
            try:
                pa.array([first, row.get(field)])
            except (pa.ArrowException, OverflowError):
                found = row[field]
                return f"row {number}: field {field!r}: {found!r} is not of row 1's kind, {first!r}"
    return "row 1: its fields are of kinds that do not fit into a table"
