"""The harness's own tasks on hub data, local files in the hub's field names, or authored sets.

Prompt, choices, metrics and filters are those of the harness's YAML; only where the documents come
from is replaced.
"""

import hashlib
import io
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import lm_eval
from datasets import Dataset, DatasetDict
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks._yaml_loader import load_yaml

from strata import hub, paths
from strata.errors import StrataError
from strata.params.benchmarks import BenchmarkParams
from strata.records import fingerprint

AUTHORED = paths.AUTHORED / "benchmarks"
FEWSHOT_SEED = 1234  # the harness's own default
logging.getLogger("lm_eval").setLevel(
    logging.ERROR
)  # it warns of models and data passed as objects


class TaskError(StrataError, RuntimeError):
    """A benchmark cannot be had as asked."""


class Benchmark(NamedTuple):
    """A harness task and where its documents lie.

    yaml: below the harness's tasks folder; revision: the hub commit; split: the one evaluated;
    fields: what the task reads of a row; authored: split -> file, empty where no set was written;
    guess: accuracy of guessing; licence: of the published documents.
    """

    yaml: str
    revision: str
    split: str
    fields: tuple[str, ...]
    authored: dict[str, str]
    guess: float
    licence: str


ARC = {
    "revision": "210d026faf9955653af8916fad021475a3f00453",
    "split": "test",
    "fields": ("question", "choices", "answerKey"),
    "guess": 1 / 4,
    "licence": "CC BY-SA 4.0",
}
BENCHMARKS = {
    "lambada_openai": Benchmark(
        yaml="lambada/lambada_openai.yaml",
        revision="900124bf3b8235c6daf21033af9948b3f07346c4",
        split="test",
        fields=("text",),
        authored={"test": "lambada.jsonl"},
        guess=0,
        licence="MIT",
    ),
    "arc_easy": Benchmark(yaml="arc/arc_easy.yaml", authored={"test": "science.jsonl"}, **ARC),
    "arc_challenge": Benchmark(yaml="arc/arc_challenge.yaml", authored={}, **ARC),
    "hellaswag": Benchmark(
        yaml="hellaswag/hellaswag.yaml",
        revision="218ec52e09a7e7462a5400043bb9a69a41d06b76",
        split="validation",
        fields=("activity_label", "ctx_a", "ctx_b", "endings", "label"),
        authored={"validation": "completions.jsonl"},
        guess=1 / 4,
        licence="MIT",
    ),
    "winogrande": Benchmark(
        yaml="winogrande/default.yaml",
        revision="01e74176c63542e6b0bcb004dcdea22d94fb67b5",
        split="validation",
        fields=("sentence", "option1", "option2", "answer"),
        authored={"validation": "winogrande.jsonl"},
        guess=1 / 2,
        licence="CC BY 4.0",
    ),
    "gsm8k": Benchmark(
        yaml="gsm8k/gsm8k.yaml",
        revision="740312add88f781978c0658806c59bc2815b9866",
        split="test",
        fields=("question", "answer"),
        authored={"test": "arithmetic.jsonl", "train": "arithmetic_examples.jsonl"},
        guess=0,
        licence="MIT",
    ),
}


def load_task(name: str, params: BenchmarkParams, local: str) -> ConfigurableTask:
    """A harness task with its documents loaded.

    Args:
        local: folder with copies of the hub's data; a benchmark that is there is read in its place.

    Raises:
        TaskError: unknown name, no authored set, a missing or unreadable file, or no network; it
            says what to set.
    """
    if name not in BENCHMARKS:
        raise TaskError(f"unknown benchmark {name!r}: expected one of {', '.join(BENCHMARKS)}")
    config = _harness_config(name)
    files = _files(name, params, local)
    if files:
        config |= _from_files(name, files, config)
    else:
        config["dataset_kwargs"] = hub.pinned(BENCHMARKS[name].revision)
    try:
        task = ConfigurableTask(config=config)
    except TaskError:
        raise
    except Exception as error:
        raise TaskError(
            f"{name}: the documents cannot be loaded from source {params.source} "
            f"({hub.reason(error)}). Check the network or the files, put copies into data/local "
            f"(docs/data.md), or set benchmarks.source to authored"
        ) from error
    task.set_fewshot_seed(FEWSHOT_SEED)
    return task


def record(name: str, params: BenchmarkParams, local: str) -> dict[str, Any]:
    """What a benchmark's documents are, wherever they were read: the same of equal copies.

    Raises:
        TaskError: as `load_task`.
    """
    benchmark, task = BENCHMARKS[name], load_task(name, params, local)
    config = _harness_config(name)
    authored = params.source == "authored"
    published = [config["dataset_path"], config.get("dataset_name"), benchmark.split]
    own = f"data/authored/benchmarks/{benchmark.authored.get(benchmark.split)}"
    rows = ({field: row[field] for field in benchmark.fields} for row in _rows(task, benchmark))
    return {
        "name": name,
        "dataset": own if authored else " ".join(filter(None, published)),
        "licence": "MIT, written for this repository" if authored else benchmark.licence,
        **fingerprint(rows),
    }


def describe(name: str, task: ConfigurableTask, params: BenchmarkParams) -> dict[str, Any]:
    """What a task's numbers were measured on: source, revision, counts and a hash of documents."""
    documents = list(task.eval_docs)
    digest = hashlib.sha256()
    for document in documents:
        digest.update(json.dumps(document, sort_keys=True).encode())
    revision = {"revision": BENCHMARKS[name].revision} if params.source == "hub" else {}
    return {
        "source": params.source,
        "documents": len(documents),
        "documents_sha256": digest.hexdigest(),
        "harness_version": task.VERSION,
        "shots": task.config.num_fewshot or 0,
        **revision,
    }


def _harness_config(name: str) -> dict[str, Any]:
    config = load_yaml(Path(lm_eval.__file__).parent / "tasks" / BENCHMARKS[name].yaml)
    config.pop("tag", None)
    return config


def _rows(task: ConfigurableTask, benchmark: Benchmark) -> Iterable[Mapping[str, Any]]:
    return task.dataset[benchmark.split]


def _files(name: str, params: BenchmarkParams, local: str) -> dict[str, Path]:
    """Split -> JSON-lines file; none where the hub is to be asked."""
    benchmark = BENCHMARKS[name]
    if params.source == "authored":
        if not benchmark.authored:
            raise TaskError(
                f"{name}: there is no authored set for it; leave it out of benchmarks.tasks, or "
                f"set benchmarks.source to hub"
            )
        return {split: AUTHORED / file for split, file in benchmark.authored.items()}
    folder = paths.ROOT / local / "benchmarks" / name
    files = {split: folder / f"{split}.jsonl" for split in ("train", benchmark.split)}
    return {split: file for split, file in files.items() if file.is_file()}


def _from_files(name: str, files: dict[str, Path], config: dict[str, Any]) -> dict[str, Any]:
    """Changes of a harness configuration so that it reads these files, now, without a cache."""
    splits = ("training_split", "validation_split", "test_split", "fewshot_split")
    return {
        "task": name,
        "custom_dataset": lambda **_: DatasetDict(
            {split: Dataset.from_list(json_lines(file)) for split, file in files.items()}
        ),
        "dataset_kwargs": None,
        **{key: None for key in splits if config.get(key) not in files},
    }


def json_lines(file: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file.

    Raises:
        TaskError: a row that is not a JSON object; it names file and row.
    """
    rows = []
    for number, line in enumerate(io.StringIO(file.read_text(encoding="utf-8")), start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise TaskError(f"{file}, row {number}: not valid JSON ({error.msg})") from error
        if not isinstance(row, dict):
            raise TaskError(f"{file}, row {number}: expected an object with fields, found {row!r}")
        rows.append(row)
    return rows
