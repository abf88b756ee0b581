"""Unfinished work on disk, so that an interrupted run goes on where it stopped.

A run is a set of named units. A finished unit leaves a small JSON result; a unit under way may keep
a checkpoint of tensors. The folder's name is a digest of everything the numbers depend on, so
work for other parameters, another model or other code is never picked up.
"""

import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import torch
from tqdm import tqdm

from strata import paths
from strata.records import rounded, sha256, write_json

Unit, Result = TypeVar("Unit"), TypeVar("Result")


class Work:
    """The unfinished work of one stage under one set of facts."""

    def __init__(self, stage: str, facts: Mapping[str, Any]) -> None:
        """`facts`: plain data that decides the numbers: parameters, the model's record, texts."""
        sources = sorted(sha256(file) for file in (paths.ROOT / "src").rglob("*.py"))
        key = json.dumps([rounded(dict(facts)), sources], sort_keys=True)
        self.folder = paths.WORK / stage / hashlib.sha256(key.encode()).hexdigest()[:16]

    def result(self, unit: str) -> Any | None:
        """What a finished unit left, or None."""
        file = self.folder / f"{unit}.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def finish(self, unit: str, result: Any) -> None:
        """Keep a unit's result and drop its checkpoint."""
        write_json(self.folder / f"{unit}.json", result)
        self._checkpoint(unit).unlink(missing_ok=True)

    def save(self, unit: str, state: Mapping[str, Any]) -> None:
        """Keep the state of a unit under way: written whole, then renamed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self._checkpoint(unit).with_suffix(f".part{os.getpid()}")
        torch.save(dict(state), part)
        os.replace(part, self._checkpoint(unit))

    def restore(self, unit: str) -> dict[str, Any] | None:
        """The last saved state of a unit, or None."""
        file = self._checkpoint(unit)
        return torch.load(file, weights_only=True) if file.is_file() else None

    def clear(self) -> None:
        """Remove everything: the stage has written its evidence."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _checkpoint(self, unit: str) -> Path:
        return self.folder / f"{unit}.pt"


def side_by_side(
    function: Callable[[Unit], Result], units: Sequence[Unit], workers: int, label: str
) -> list[Result]:
    """The function of every unit, in order: `workers` processes of one thread each, or, with one
    worker, in this process with all its threads.

    Workers start as the platform has it: on Linux as forks, which have what this process has
    imported and loaded. Where CUDA is in use, which no fork can use, they are fresh processes.

    Args:
        function, units: picklable.
    """
    if workers == 1 or len(units) <= 1:
        return [function(unit) for unit in tqdm(units, label)]
    context = multiprocessing.get_context("spawn" if torch.cuda.is_initialized() else None)
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        return list(tqdm(pool.map(function, units), label, total=len(units)))
