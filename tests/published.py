"""Tiny stand-ins for what the parameters name on the hub, laid out as the hub has them.

Rows are those of the authored sets, under the published names of repositories, configurations,
splits, files and fields, with fields that nobody reads beside them. The pinned commit is not the
newest, which holds other rows and other weights.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import yaml
from datasets import ClassLabel, Dataset, Features, Value
from lm_eval.tasks._yaml_loader import load_yaml
from transformers import AutoConfig, BertForPreTraining

from strata import paths
from strata.models.tiny import TOKENIZER_TEXT, build
from strata.params import Params
from strata.params.sources import TinySource
from strata.tasks.benchmarks import BENCHMARKS, HARNESS
from strata.tasks.glue import GLUE, REPOSITORY, REVISION
from strata.tasks.rows import json_lines
from strata.text.bpe import END, train_bpe

NEWEST = "f" * 40
ROWS = 48  # of a split, at most
LAYERS = 8
PARQUET = "{config}/{split}-00000-of-00001.parquet"
FILES = {  # where a data set's files are not those of the pattern
    "EleutherAI/lambada_openai": "data/lambada_{split}.jsonl",
    "Rowan/hellaswag": "data/{split}-00000-of-00001.parquet",
    "allenai/dolmino-mix-1124": "data/{config}/0000/{config}-0000.json.zst",
    "HuggingFaceFW/fineweb-edu": "sample/10BT/000_00000.parquet",
}
DOLMINO = "allenai/dolmino-mix-1124", "dclm", "a319f19eef1e257417b11ea8c30da266ae175557"
FINEWEB = "HuggingFaceFW/fineweb-edu", "sample-10BT", "87f09149ef4734204d70ed1d046ddc9ca3f2b8f9"
UNREAD = {  # fields beside those that a benchmark reads
    "hellaswag": {"ind": 4, "source_id": "activitynet", "split": "val", "split_type": "indomain"},
    "arc_challenge": {"id": "Mercury_7220990"},
}
Rows = list[dict[str, Any]]


class Configuration(NamedTuple):
    """One configuration of a data set, its rows by split, and where local copies of them go."""

    repository: str
    name: str
    revision: str
    splits: dict[str, Rows]
    copies: str = ""
    features: Features | None = None

    def file(self, split: str) -> str:
        """Path of a split in the repository."""
        return FILES.get(self.repository, PARQUET).format(config=self.name, split=split)


def publish(settings: Params, hub: Path, local: Path) -> None:
    """Write every repository into `hub`, and into `local` copies of the rows that are read."""
    by_repository = defaultdict(list)
    for each in configurations(settings):
        by_repository[each.repository].append(each)
        for split, rows in each.splits.items():
            for commit, found in ((each.revision, rows), (NEWEST, rows[:1:-1])):
                file = hub / "datasets" / each.repository / commit / each.file(split)
                _write(file, found, each.features)
            if each.copies:
                _write(local / each.copies.format(split=split), rows, None)
    for repository, configured in by_repository.items():
        for commit in (configured[0].revision, NEWEST):
            _card(hub / "datasets" / repository / commit, configured)
        (hub / "datasets" / repository / "main").write_text(NEWEST)
    _models(settings, hub / "models")


def configurations(settings: Params) -> Iterator[Configuration]:
    """Every data set that the parameters and the tasks name."""
    for name in BENCHMARKS:
        yield _benchmark(name)
    for name in GLUE:
        yield _glue(name)
    text = settings.evaluation_text.hub
    copies = "wikitext2/wiki.{split}.raw"
    yield Configuration(text.repository, text.config, text.revision, _wikitext(), copies)
    documents = {"train": [{"id": str(i), "text": line} for i, line in enumerate(_lines())]}
    for training in (DOLMINO, FINEWEB):
        yield Configuration(*training, documents)


def _benchmark(name: str) -> Configuration:
    benchmark = BENCHMARKS[name]
    config = load_yaml(HARNESS / benchmark.yaml)
    authored = benchmark.authored or BENCHMARKS["arc_easy"].authored
    read = json_lines(paths.AUTHORED / "benchmarks" / authored[benchmark.split])
    rows = [row | UNREAD.get(name, {}) for row in read]
    splits = {split: rows[i::3][:ROWS] for i, split in enumerate(("train", benchmark.split))}
    place = f"benchmarks/{name}/{{split}}.jsonl"
    published = config["dataset_path"], config.get("dataset_name") or "default"
    return Configuration(*published, benchmark.revision, splits, place)


def _glue(name: str) -> Configuration:
    """Tasks without an authored set have its pairs, and scores with a decimal."""
    task = GLUE[name]
    authored = paths.AUTHORED / "benchmarks" / "glue"
    folder = authored / (name if (authored / name).is_dir() else "mrpc")
    splits = {}
    for split, file in (("train", "train"), (task.validation, "validation")):
        read = json_lines(folder / f"{file}.jsonl")[:ROWS]
        texts = [[row[key] for key in sorted(row) if key != "label"] for row in read]
        labels = (
            [i / 10 for i in range(len(read))] if task.labels == 1 else [r["label"] for r in read]
        )
        splits[split] = [
            dict(zip(task.fields, text, strict=True)) | {"label": label, "idx": i}
            for i, (text, label) in enumerate(zip(texts, labels, strict=True))
        ]
    score, names = Value("float32"), [f"class {i}" for i in range(task.labels)]
    features = {field: Value("string") for field in task.fields} | {
        "label": score if task.labels == 1 else ClassLabel(names=names),
        "idx": Value("int32"),
    }
    place = f"benchmarks/glue/{name}/{{split}}.jsonl"
    return Configuration(REPOSITORY, name, REVISION, splits, place, Features(features))


def _wikitext() -> dict[str, Rows]:
    heading = {"text": " = A heading = \n"}
    rows = [{"text": f" {line} \n"} for line in _lines()]
    return {
        split: [heading, {"text": ""}, *rows[i::2]]
        for i, split in enumerate(("test", "validation"))
    }


def _lines() -> list[str]:
    return TOKENIZER_TEXT.read_text(encoding="utf-8").splitlines()


def _write(file: Path, rows: Rows, features: Features | None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        Dataset.from_list(rows, features=features).to_parquet(file)
        return
    if file.suffix == ".raw":
        file = file.with_stem(file.stem.replace("validation", "valid"))
        lines = "".join(row["text"] or " \n" for row in rows)
    else:
        lines = "".join(json.dumps(row) + "\n" for row in rows)
    with pa.output_stream(str(file), compression="zstd" if file.suffix == ".zst" else None) as out:
        out.write(lines.encode())


def _card(commit: Path, configured: list[Configuration]) -> None:
    """The data set's card, which says what its configurations' files are."""
    listed = [
        {
            "config_name": each.name,
            "data_files": [{"split": split, "path": each.file(split)} for split in each.splits],
        }
        for each in configured
    ]
    card = yaml.safe_dump({"license": "other", "configs": listed}, sort_keys=False)
    (commit / "README.md").write_text(f"---\n{card}---\n# A stand-in\n")


def _models(settings: Params, hub: Path) -> None:
    """The models, and the tokenizer of the training text, each at two commits."""
    for source in (settings.anatomy_model.hub, settings.painters_encoder.hub):
        place = hub / source.repository
        for seed, commit in enumerate((source.revision, NEWEST)):
            family = "bert" if "bert" in source.repository else "llama"
            tiny = TinySource(name="", family=family, layers=LAYERS, width=32, seed=seed)
            build(tiny, place / commit)
            if family == "bert":
                _with_heads(place / commit)
            (place / commit / "pytorch_model.bin").write_bytes(b"never asked for")
        (place / "main").write_text(NEWEST)
    tokenizer = settings.corpus.hub_tokenizer
    folder = hub / tokenizer.repository / NEWEST
    folder.mkdir(parents=True)
    train_bpe(_lines(), 300, [END]).save(str(folder / "tokenizer.json"))
    (folder.parent / "main").write_text(NEWEST)


def _with_heads(folder: Path) -> None:
    """The published encoder was saved with the heads of its pre-training."""
    BertForPreTraining(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
