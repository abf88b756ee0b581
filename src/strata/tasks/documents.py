"""A harness task's documents, checked before a model answers them.

The harness scores a label that is no choice, or an empty answer, as wrong, and says nothing.
"""

import bisect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from datasets import Dataset
from jinja2 import Environment, meta
from lm_eval.api.task import ConfigurableTask

from strata.tasks.rows import TaskError

Process = Callable[[Dataset], Dataset]


def check(task: ConfigurableTask, place: str) -> None:
    """Check every document that a task evaluates.

    Args:
        place: what messages call the documents' file or data set.

    Raises:
        TaskError: a document without text, with fewer than two choices or an empty one, or whose
            answer is none of them; it names row and field.
    """
    for number, document in enumerate(task.task_docs, start=1):
        if problem := _problem(task, document):
            raise TaskError(f"{place}, row {number}: {problem}")


def unprocessable(process: Process, rows: Dataset) -> str | None:
    """The first row and field that a task's own processing cannot take; None if it takes all."""
    if _works(process, rows):
        return None
    fails = lambda last: not _works(process, rows.select(range(last + 1)))
    number = bisect.bisect_left(range(len(rows)), True, key=fails)
    row, other = rows[number], rows[0 if number else -1]
    changed = ((field, Dataset.from_list([row | {field: other[field]}])) for field in row)
    fields = [field for field, repaired in changed if _works(process, repaired)] or list(row)
    return f"row {number + 1}: field {fields[0]!r}: the harness cannot read {row[fields[0]]!r}"


def _works(process: Process, rows: Dataset) -> bool:
    try:
        process(rows)
    except Exception:
        return False
    return True


def _problem(task: ConfigurableTask, document: Mapping[str, Any]) -> str | None:
    try:
        text, target = _read(task, "doc_to_text", document), _read(task, "doc_to_target", document)
        choices = task.config.doc_to_choice and _read(task, "doc_to_choice", document)
    except TaskError as error:
        return str(error)
    part, gold = ("doc_to_text", text) if task.multiple_input else ("doc_to_target", target)
    if choices is None or task.multiple_input:
        if not _is_text(target):
            return f"{_named(task, 'doc_to_target')}: expected an answer, found {target!r}"
    elif not isinstance(text, str):
        return f"{_named(task, 'doc_to_text')}: expected text, found {text!r}"
    if choices is None:
        return None
    if not isinstance(choices, list) or len(choices) < 2 or not all(map(_is_text, choices)):
        return f"{_named(task, 'doc_to_choice')}: expected two or more choices, found {choices!r}"
    several = isinstance(gold, list)
    places = range(len(choices))
    if several != bool(task.multiple_target) or not all(
        each in places or each in choices for each in (gold if several else [gold])
    ):
        expected = f"one of {len(choices)} choices, 0 to {places[-1]}"
        return f"{_named(task, part)}: expected {expected}, found {gold!r}"
    return None


def _read(task: ConfigurableTask, part: str, document: Mapping[str, Any]) -> Any:
    """What the harness makes of one part of a document.

    Raises:
        TaskError: it cannot, or a field that it reads is null or holds lists of different lengths.
    """
    for field in _fields(getattr(task.config, part)):
        value = document.get(field, "")
        lengths = {len(each) for each in value.values()} if _is_columns(value) else set()
        if value is None or len(lengths) > 1:
            expected = "a value" if value is None else "lists of one length"
            raise TaskError(f"field {field!r}: expected {expected}, found {value!r}")
    try:
        return getattr(task, part)(document)
    except Exception as error:
        raise TaskError(
            f"{_named(task, part)}: the harness cannot read it ({type(error).__name__}: {error})"
        ) from error


def _named(task: ConfigurableTask, part: str) -> str:
    """The fields that a part of the harness's configuration reads; all, where a function does."""
    template = getattr(task.config, part)
    fields = _fields(template) or (task.features if callable(template) else [part])
    return f"field {', '.join(map(repr, fields))}"


def _fields(template: Any) -> tuple[str, ...]:
    return _variables(template) if isinstance(template, str) else ()


@cache
def _variables(template: str) -> tuple[str, ...]:
    """The variables of a template; a template without any may be the name of a field."""
    return tuple(sorted(meta.find_undeclared_variables(Environment().parse(template)))) or (
        template,
    )


def _is_columns(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, list) for each in value.values())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
