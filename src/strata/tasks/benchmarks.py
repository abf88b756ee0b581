"""The harness's own tasks on hub data, local files in the hub's field names, or authored sets.

Prompt, choices, metrics and filters are those of the harness's YAML; only where the documents come
from is replaced.
"""

import hashlib
import json
import logging
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import lm_eval
from datasets import DatasetDict
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

from strata import hub, paths
from strata.params.benchmarks import BenchmarkParams
from strata.records import fingerprint
from strata.tasks import documents, rows
from strata.tasks.rows import TaskError

AUTHORED = paths.AUTHORED / "benchmarks"
FEWSHOT_SEED = 1234  # the harness's own default
HARNESS = Path(lm_eval.__file__).parent / "tasks"
SPLITS = ("training_split", "validation_split", "test_split", "fewshot_split")
LIKELIHOOD = ("multiple_choice", "loglikelihood")
logging.getLogger("lm_eval").setLevel(
    logging.ERROR
)  # it warns of models and data passed as objects


class Benchmark(NamedTuple):
    """A harness task and where its documents lie.

    yaml: below the harness's tasks folder; revision: the hub commit, or None for the newest;
    split: the one evaluated; fields: what the task reads of a row, or none for all; authored:
    split -> file, empty where no set was written; guess: accuracy of guessing, or None for what the
    documents' choices make of it; licence: of the published documents.
    """

    yaml: str | Path
    revision: str | None
    split: str
    fields: tuple[str, ...]
    authored: dict[str, str]
    guess: float | None
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
    """A harness task with its documents loaded and checked.

    Args:
        name: one of `BENCHMARKS`, or any task of the harness that is answered by likelihood.
        local: folder with copies of the hub's data; a benchmark that is there is read in its place.

    Raises:
        TaskError: unknown name, no authored set, a missing or unreadable file, no network, or a
            document that the task cannot score; it says where, or what to set.
    """
    benchmark = find(name)
    config = load_yaml(HARNESS / benchmark.yaml)
    files = _files(name, benchmark, config, params, local)
    if files:
        data = DatasetDict(
            {split: rows.dataset(file, benchmark.fields) for split, file in files.items()}
        )
        place = str(files[benchmark.split])
    else:
        data = _from_hub(name, benchmark, config)
        place = _published(benchmark, config)
    task = _made(name, config, data, place)
    if process := task.config.process_docs:  # the harness does this again at each look
        task.config.process_docs = cache(lambda found: list(process(found)))
    documents.check(task, place)
    task.set_fewshot_seed(FEWSHOT_SEED)
    return task


def find(name: str) -> Benchmark:
    """A benchmark by its name.

    Raises:
        TaskError: the harness has no such task, or one that likelihood and accuracy do not judge.
    """
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    entry = _harness_tasks().get(name)
    config = (entry and entry.cfg) or {}
    if config.get("task") != name or "dataset_path" not in config:
        raise TaskError(
            f"unknown benchmark {name!r}: expected one of {', '.join(BENCHMARKS)}, or the name of "
            f"another task of the evaluation harness"
        )
    kind = config.get("output_type")
    metrics = [each["metric"] for each in config.get("metric_list") or [{"metric": "acc"}]]
    if kind not in LIKELIHOOD or "acc" not in metrics:
        raise TaskError(
            f"{name}: expected a task whose output is {' or '.join(LIKELIHOOD)} and whose metric "
            f"is acc, found {kind} and {', '.join(map(str, metrics))}"
        )
    return Benchmark(
        yaml=entry.yaml_path,
        revision=None,
        split=config.get("test_split") or config["validation_split"],
        fields=(),
        authored={},
        guess=None,
        licence="the data set's own; see its card",
    )


def guess(name: str, task: ConfigurableTask, document: dict[str, Any]) -> float:
    """Accuracy of guessing: published for the known, else one of the document's choices."""
    known = find(name).guess
    if known is not None:
        return known
    return 1 / len(task.doc_to_choice(document)) if task.config.doc_to_choice else 0.0


def record(name: str, params: BenchmarkParams, local: str) -> dict[str, Any]:
    """What a benchmark's documents are, wherever they were read: the same of equal copies.

    Raises:
        TaskError: as `load_task`.
    """
    benchmark, task = find(name), load_task(name, params, local)
    authored = params.source == "authored"
    own = f"data/authored/benchmarks/{benchmark.authored.get(benchmark.split)}"
    evaluated = task.dataset[benchmark.split]
    fields = benchmark.fields or evaluated.column_names
    read = ({field: row[field] for field in fields} for row in evaluated)
    return {
        "name": name,
        "dataset": own if authored else _published(benchmark, task.config.to_dict()),
        "licence": "MIT, written for this repository" if authored else benchmark.licence,
        **fingerprint(read),
    }


def describe(name: str, task: ConfigurableTask, params: BenchmarkParams) -> dict[str, Any]:
    """What a task's numbers were measured on: source, revision, counts and a hash of documents."""
    read = list(task.eval_docs)
    digest = hashlib.sha256()
    for document in read:
        digest.update(json.dumps(document, sort_keys=True, default=str).encode())
    pinned = find(name).revision if params.source == "hub" else None
    return {
        "source": params.source,
        "documents": len(read),
        "documents_sha256": digest.hexdigest(),
        "harness_version": task.VERSION,
        "shots": task.config.num_fewshot or 0,
        **({"revision": pinned} if pinned else {}),
    }


@cache
def _harness_tasks() -> dict[str, Any]:
    return TaskManager().task_index


def _published(benchmark: Benchmark, config: dict[str, Any]) -> str:
    parts = [config["dataset_path"], config.get("dataset_name"), benchmark.split]
    return " ".join(filter(None, parts))


def _files(
    name: str, benchmark: Benchmark, config: dict[str, Any], params: BenchmarkParams, local: str
) -> dict[str, Path]:
    """Split -> JSON-lines file; none where the hub is to be asked."""
    if params.source == "authored":
        if not benchmark.authored:
            raise TaskError(
                f"{name}: there is no authored set for it; leave it out of benchmarks.tasks, or "
                f"set benchmarks.source to hub"
            )
        return {split: AUTHORED / file for split, file in benchmark.authored.items()}
    folder = paths.ROOT / local / "benchmarks" / name
    files = {split: folder / f"{split}.jsonl" for split in map(config.get, SPLITS) if split}
    found = {split: file for split, file in files.items() if file.is_file()}
    return found if benchmark.split in found else {}


def _from_hub(name: str, benchmark: Benchmark, config: dict[str, Any]) -> DatasetDict:
    options = config.get("dataset_kwargs") or {}
    options.pop("trust_remote_code", None)
    try:
        return hub.load(
            config["dataset_path"], config.get("dataset_name"), benchmark.revision, **options
        )
    except Exception as error:
        raise TaskError(
            f"{name}: {config['dataset_path']} cannot be loaded from the hub "
            f"({hub.reason(error)}). Check the network, put copies into data/local "
            f"(docs/data.md), or set benchmarks.source to authored"
        ) from error


def _made(name: str, config: dict[str, Any], data: DatasetDict, place: str) -> ConfigurableTask:
    """The harness's task on these documents."""
    splits = {key: None for key in SPLITS if config.get(key) not in data}
    config = {key: value for key, value in config.items() if key != "tag"} | splits
    given = {"task": name, "custom_dataset": lambda **_: data, "dataset_kwargs": None}
    task = ConfigurableTask.__new__(ConfigurableTask)
    try:
        task.__init__(config=config | given)
    except Exception as error:
        process = config.get("process_docs")
        evaluated = data[config.get("test_split") or config["validation_split"]]
        if process and (problem := documents.unprocessable(process, evaluated)):
            raise TaskError(f"{place}, {problem}") from error
        if hasattr(task, "features"):  # the harness fails on the first document
            documents.check(task, place)
        raise TaskError(f"{name}: the harness cannot read {place} ({_reason(error)})") from error
    return task


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
