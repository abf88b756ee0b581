"""Canonical, atomic writing of evidence, and the provenance of a run.

Evidence holds no timestamps, no paths and no hardware: the same machine writes the same bytes
twice. What varies from run to run goes to `results/<profile>/provenance/`.
"""

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from strata import paths
from strata.locks import locked

SIGNIFICANT_DIGITS = 7
LIBRARIES = ("torch", "transformers", "datasets", "lm_eval", "numpy", "scipy")


class Estimate(NamedTuple):
    """A value and the ends of its 95% interval."""

    value: float
    low: float
    high: float


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; an unchanged file is left alone."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; an unchanged file is left alone.

    Writers take turns, so the temporary file is this one's or was left by a killed one.

    Raises:
        OSError: it cannot be written; it names the file.
    """
    part = path.with_name(f".{path.name}.part")
    with locked("writing"):
        try:
            if not (path.is_file() and path.read_bytes() == content):
                path.parent.mkdir(parents=True, exist_ok=True)
                part.write_bytes(content)
                os.replace(part, path)
        except OSError as error:
            error.filename = error.filename or str(path)
            raise
        finally:
            if part.exists():
                part.unlink()


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys and floats rounded to seven significant digits."""
    write_text(path, json.dumps(rounded(content), indent=1, sort_keys=True, allow_nan=False) + "\n")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table with floats rounded to seven significant digits and no index."""
    write_text(path, table.to_csv(index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g"))


def write_measurements(
    path: Path, about: dict[str, Any], measurements: Mapping[str, Mapping[str, Estimate]]
) -> None:
    """Write what the ledger judges: key -> subject -> value, low, high.

    Args:
        about: the conditions every number was measured under (model, data, metric, dtype, n...).
        measurements: the subject is `model` or the name of a null or control.
    """
    plain = {
        key: {subject: estimate._asdict() for subject, estimate in subjects.items()}
        for key, subjects in measurements.items()
    }
    write_json(path, {"about": about, "measurements": plain})


def rounded(content: Any) -> Any:
    """Plain data with every float rounded to seven significant digits."""
    if isinstance(content, dict):
        return {str(key): rounded(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [rounded(value) for value in content]
    if isinstance(content, np.floating | float):
        return float(f"{content:.{SIGNIFICANT_DIGITS}g}")
    return content


def fingerprint(documents: Iterable[Any]) -> dict[str, Any]:
    """Number of documents, and the sha256 of their content in a canonical form."""
    digest, count = hashlib.sha256(), 0
    for document in documents:
        count += 1
        digest.update(json.dumps(document, sort_keys=True).encode() + b"\n")
    return {"documents": count, "sha256": digest.hexdigest()}


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def provenance(path: Path, facts: Callable[[], Mapping[str, Any]] = lambda: {}) -> Iterator[None]:
    """Record how long the block took, on what, by which code and libraries, and its peak memory.

    Nothing depends on the file, so it never makes a result stale.

    Args:
        facts: called when the block has succeeded; what it returns is added.
    """
    start = time.perf_counter()
    yield
    seconds = round(time.perf_counter() - start, 2)
    write_json(path, {"seconds": seconds, **_machine(), **_commit(), **facts()})


def _machine() -> dict[str, Any]:
    per_gibibyte = 2**30 if sys.platform == "darwin" else 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_gibibyte
    return {
        "command": " ".join(Path(word).name for word in sys.argv[:1]),
        "cores": os.cpu_count(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "peak_memory_gib": round(peak, 2),
        "processor": _processor(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    """The CPU's model name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> dict[str, Any]:
    """The git commit of the code, and whether the code differs from it; nothing without git."""
    asked = [["rev-parse", "HEAD"], ["status", "--porcelain", "--", "src", "params.yaml"]]
    try:
        commit, changes = (
            subprocess.run(
                ["git", *words], cwd=paths.ROOT, capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in asked
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"commit": commit, "code_changed_since": bool(changes)}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
