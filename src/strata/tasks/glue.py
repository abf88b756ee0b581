"""GLUE's tasks: the hub's data set, local files in its field names, or authored sets.

Every split is checked row by row before anything is trained on it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from strata import hub, paths
from strata.params.benchmarks import GlueItems, GlueSource
from strata.records import fingerprint
from strata.tasks.rows import TaskError, json_lines, need_fields

AUTHORED_GLUE = paths.AUTHORED / "benchmarks" / "glue"
REPOSITORY = "nyu-mll/glue"
REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
LICENCE = "the tasks' own; see the data set's card"
TRAIN, VALIDATION = "train", "validation"
Metric = Literal["accuracy", "f1", "mcc", "pearson", "spearman"]
SENTENCES = ("sentence1", "sentence2")


class GlueTask(NamedTuple):
    """One task: its text fields, number of labels (1: a score), GLUE's metrics and validation.

    gaps: rows with an empty text are published; they are left out.
    """

    fields: tuple[str, ...]
    labels: int
    metrics: tuple[Metric, ...]
    validation: str = VALIDATION
    gaps: bool = False


GLUE = {
    "cola": GlueTask(("sentence",), 2, ("mcc",)),
    "sst2": GlueTask(("sentence",), 2, ("accuracy",)),
    "mrpc": GlueTask(SENTENCES, 2, ("accuracy", "f1")),
    "stsb": GlueTask(SENTENCES, 1, ("pearson", "spearman")),
    "qqp": GlueTask(("question1", "question2"), 2, ("accuracy", "f1"), gaps=True),
    "mnli": GlueTask(("premise", "hypothesis"), 3, ("accuracy",), "validation_matched"),
    "qnli": GlueTask(("question", "sentence"), 2, ("accuracy",)),
    "rte": GlueTask(SENTENCES, 2, ("accuracy",)),
    "wnli": GlueTask(SENTENCES, 2, ("accuracy",)),
}


class Examples(NamedTuple):
    """N rows: one text or a pair each, labels_N (int64 classes or float64 scores), and how many
    rows with an empty text were left out.
    """

    texts: list[tuple[str, ...]]
    labels_N: NDArray[Any]
    left_out: int = 0


class GlueData(NamedTuple):
    """What one task is trained and measured on, and the facts that identify it."""

    train: Examples
    validation: Examples
    facts: dict[str, Any]


def read_glue(name: str, params: GlueSource, items: GlueItems, local: str) -> GlueData:
    """Read a task and draw at most `items` rows of each split, in the file's order.

    Args:
        local: folder with copies of the hub's data; a task that is there is read in its place.

    Raises:
        TaskError: unknown task, no such file or no network, a row without a field or with a wrong
            value, fewer than two classes to train on; it names file, row and field.
    """
    task = _known(name)
    drawn, counts, left_out, digest = {}, {}, {}, hashlib.sha256()
    for split, most in ((TRAIN, items.train), (task.validation, items.validation)):
        place, rows = _rows(name, split, params, local)
        checked = _checked(place, rows, task)
        kept = np.sort(np.random.default_rng(params.seed).permutation(len(checked.texts))[:most])
        labels_N = checked.labels_N[kept]
        drawn[split] = Examples([checked.texts[i] for i in kept], labels_N)
        counts[split] = {"drawn": len(kept), "rows": len(checked.texts)}
        left_out[split] = checked.left_out
        digest.update(json.dumps([drawn[split].texts, labels_N.tolist()]).encode())
        if split == TRAIN and task.labels > 1 and len(np.unique(labels_N)) < 2:
            raise TaskError(
                f"{place}, rows 1 to {len(checked.texts)}: field 'label' is {labels_N[0]} in each "
                f"of the {len(kept)} drawn for training, expected at least two classes; correct "
                f"the file or raise painters_glue.items.train"
            )
    facts = {"items": counts, "documents_sha256": digest.hexdigest(), "metrics": task.metrics}
    return GlueData(drawn[TRAIN], drawn[task.validation], facts | _gaps(task, left_out))


def record(name: str, params: GlueSource, local: str) -> dict[str, Any]:
    """What a task's rows are, wherever they were read: the same of equal copies.

    Raises:
        TaskError: as `read_glue`.
    """
    task = _known(name)
    splits = (TRAIN, task.validation)
    checked = [_checked(*_rows(name, split, params, local), task) for split in splits]
    authored = params.source == "authored"
    rows = ([texts, label] for each in checked for texts, label in _pairs(each))
    return {
        "name": name,
        "dataset": f"data/authored/benchmarks/glue/{name}" if authored else f"{REPOSITORY} {name}",
        "licence": "MIT, written for this repository" if authored else LICENCE,
        "splits": {split: len(each.texts) for split, each in zip(splits, checked, strict=True)},
        **_gaps(task, {split: each.left_out for split, each in zip(splits, checked, strict=True)}),
        **fingerprint(rows),
    }


def _gaps(task: GlueTask, left_out: Mapping[str, int]) -> dict[str, Any]:
    return {"rows_with_an_empty_text_left_out": dict(left_out)} if task.gaps else {}


def _pairs(examples: Examples) -> Iterator[tuple[tuple[str, ...], int | float]]:
    return zip(examples.texts, examples.labels_N.tolist(), strict=True)


def _known(name: str) -> GlueTask:
    if name not in GLUE:
        raise TaskError(f"unknown GLUE task {name!r}: expected one of {', '.join(GLUE)}")
    return GLUE[name]


def _rows(
    name: str, split: str, params: GlueSource, local: str
) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """Where a split's rows are, in words, and the rows."""
    if params.source == "authored":
        file = AUTHORED_GLUE / name / f"{split}.jsonl"
        if not file.is_file():
            raise TaskError(
                f"{name}: there is no authored set for it; leave it out of painters_glue.tasks, or "
                f"set painters_glue.source to hub"
            )
        return str(file), json_lines(file)
    file = paths.ROOT / local / "benchmarks" / "glue" / name / f"{split}.jsonl"
    if file.is_file():
        return str(file), json_lines(file)
    return f"{REPOSITORY} {name} {split}", _hub_rows(name, split)


def _hub_rows(name: str, split: str) -> Sequence[Mapping[str, Any]]:
    try:
        return hub.load(REPOSITORY, name, REVISION, split=split)
    except Exception as error:
        raise TaskError(
            f"{name}: cannot fetch {REPOSITORY} from the hub ({hub.reason(error)}). Check the "
            f"network, put a copy into data/local (docs/data.md), or set "
            f"painters_glue.source to authored"
        ) from error


def _checked(place: str, rows: Sequence[Mapping[str, Any]], task: GlueTask) -> Examples:
    texts, labels, left_out = [], [], 0
    for number, row in enumerate(rows, start=1):
        where = f"{place}, row {number}"
        need_fields(where, row, (*task.fields, "label"))
        if task.gaps and "" in [row[field] for field in task.fields]:
            left_out += 1
            continue
        for field in task.fields:
            if not isinstance(row[field], str) or not row[field].strip():
                raise TaskError(f"{where}: field {field!r}: expected text, found {row[field]!r}")
        texts.append(tuple(row[field] for field in task.fields))
        labels.append(_label(where, row["label"], task.labels))
    if len(texts) < 2:
        raise TaskError(f"{place}: expected at least two rows, found {len(texts)}")
    return Examples(texts, np.array(labels), left_out)


def _label(where: str, label: Any, classes: int) -> int | float:
    """A class or a score; one of single precision, as the hub has them, in no more digits."""
    number = isinstance(label, int | float) and not isinstance(label, bool)
    if classes == 1 and number and np.isfinite(label):
        single = np.float32(label)
        return float(str(single)) if float(single) == label else float(label)
    if classes > 1 and number and label in range(classes):
        return int(label)
    expected = f"an integer from 0 to {classes - 1}" if classes > 1 else "a number"
    raise TaskError(f"{where}: field 'label': expected {expected}, found {label!r}")
