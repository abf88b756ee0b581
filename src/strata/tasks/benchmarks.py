"""The harness's own tasks on hub data, local files in the hub's field names, or authored sets.

Prompt, choices, metrics and filters are those of the harness's YAML; only where the documents come
from is replaced.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import lm_eval
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks._yaml_loader import load_yaml

from strata import paths
from strata.errors import StrataError
from strata.params.benchmarks import BenchmarkParams

AUTHORED = paths.ROOT / "data" / "authored" / "benchmarks"
FEWSHOT_SEED = 1234  # the harness's own default


class TaskError(StrataError, RuntimeError):
    """A benchmark cannot be had as asked."""


class Benchmark(NamedTuple):
    """A harness task and where its documents lie.

    yaml: below the harness's tasks folder; revision: the hub commit; split: the one evaluated;
    authored: split -> file, empty where no set was written; guess: accuracy of guessing.
    """

    yaml: str
    revision: str
    split: str
    authored: dict[str, str]
    guess: float


ARC_REVISION = "210d026faf9955653af8916fad021475a3f00453"
BENCHMARKS = {
    "lambada_openai": Benchmark(
        yaml="lambada/lambada_openai.yaml",
        revision="900124bf3b8235c6daf21033af9948b3f07346c4",
        split="test",
        authored={"test": "lambada.jsonl"},
        guess=0,
    ),
    "arc_easy": Benchmark(
        yaml="arc/arc_easy.yaml",
        revision=ARC_REVISION,
        split="test",
        authored={"test": "science.jsonl"},
        guess=1 / 4,
    ),
    "arc_challenge": Benchmark(
        yaml="arc/arc_challenge.yaml",
        revision=ARC_REVISION,
        split="test",
        authored={},
        guess=1 / 4,
    ),
    "hellaswag": Benchmark(
        yaml="hellaswag/hellaswag.yaml",
        revision="218ec52e09a7e7462a5400043bb9a69a41d06b76",
        split="validation",
        authored={"validation": "completions.jsonl"},
        guess=1 / 4,
    ),
    "winogrande": Benchmark(
        yaml="winogrande/default.yaml",
        revision="01e74176c63542e6b0bcb004dcdea22d94fb67b5",
        split="validation",
        authored={"validation": "winogrande.jsonl"},
        guess=1 / 2,
    ),
    "gsm8k": Benchmark(
        yaml="gsm8k/gsm8k.yaml",
        revision="740312add88f781978c0658806c59bc2815b9866",
        split="test",
        authored={"test": "arithmetic.jsonl", "train": "arithmetic_examples.jsonl"},
        guess=0,
    ),
}


def load_task(name: str, params: BenchmarkParams) -> ConfigurableTask:
    """A harness task with its documents loaded.

    Raises:
        TaskError: unknown name, no authored set, a missing or unreadable file, or no network; it
            says what to set.
    """
    if name not in BENCHMARKS:
        raise TaskError(f"unknown benchmark {name!r}: expected one of {', '.join(BENCHMARKS)}")
    benchmark = BENCHMARKS[name]
    config = load_yaml(Path(lm_eval.__file__).parent / "tasks" / benchmark.yaml)
    config.pop("tag", None)
    if params.source == "hub":
        config["dataset_kwargs"] = {"revision": benchmark.revision}
    else:
        config |= _from_files(name, _files(name, benchmark, params), config)
    try:
        task = ConfigurableTask(config=config)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TaskError(
            f"{name}: the documents cannot be loaded from source {params.source} ({reason}). Check "
            f"the network or the files, or set benchmarks.source to authored"
        ) from error
    task.set_fewshot_seed(FEWSHOT_SEED)
    return task


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


def _files(name: str, benchmark: Benchmark, params: BenchmarkParams) -> dict[str, Path]:
    """Split -> JSON-lines file."""
    if params.source == "authored":
        if not benchmark.authored:
            raise TaskError(
                f"{name}: there is no authored set for it; leave it out of benchmarks.tasks, or "
                f"set benchmarks.source to hub or local"
            )
        return {split: AUTHORED / file for split, file in benchmark.authored.items()}
    if params.local is None:
        raise TaskError("benchmarks: source is local, but benchmarks.local is not set")
    folder = Path(params.local).expanduser() / name
    files = {split: folder / f"{split}.jsonl" for split in ("train", benchmark.split)}
    if not files[benchmark.split].is_file():
        raise TaskError(f"{name}: expected {files[benchmark.split]} (benchmarks.local)")
    return {split: file for split, file in files.items() if file.is_file()}


def _from_files(name: str, files: dict[str, Path], config: dict[str, Any]) -> dict[str, Any]:
    splits = ("training_split", "validation_split", "test_split", "fewshot_split")
    return {
        "task": name,
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {split: str(file) for split, file in files.items()}},
        **{key: None for key in splits if config.get(key) not in files},
    }
