"""Canonical, atomic writing of evidence, and the provenance of a run.

Evidence holds no timestamps, no paths and no hardware: the same machine writes the same bytes
twice. What varies from run to run goes to `results/<profile>/provenance/`.
"""

import hashlib
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

SIGNIFICANT_DIGITS = 7
LIBRARIES = ("torch", "transformers", "datasets", "lm_eval", "numpy", "scipy")


class Estimate(NamedTuple):
    """A value and the ends of its 95% interval."""

    value: float
    low: float
    high: float


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; an unchanged file is left alone."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        "w", dir=path.parent, delete=False, encoding="utf-8", newline="\n"
    ) as part:
        try:
            part.write(text)
            part.flush()
        except BaseException:
            os.unlink(part.name)
            raise
    os.chmod(part.name, 0o644)
    os.replace(part.name, path)


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


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def provenance(path: Path, **facts: Any) -> Iterator[None]:
    """Record how long the block took, on what, with which libraries, and its peak memory.

    Nothing depends on the file, so it never makes a result stale. `facts` are added as given,
    but a device "cuda" by the GPU's name.
    """
    start = time.perf_counter()
    yield
    if facts.get("device") == "cuda":
        facts["device"] = gpu()
    write_json(path, {"seconds": round(time.perf_counter() - start, 2), **_machine(), **facts})


def gpu() -> str:
    """The name of the GPU in use."""
    import torch

    return torch.cuda.get_device_name()


def _machine() -> dict[str, Any]:
    per_gibibyte = 2**30 if sys.platform == "darwin" else 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_gibibyte
    return {
        "command": " ".join(Path(word).name for word in sys.argv[:1]),
        "cores": os.cpu_count(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "peak_memory_gib": round(peak, 2),
        "processor": platform.machine(),
        "python": platform.python_version(),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
