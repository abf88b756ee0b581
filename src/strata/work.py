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
import signal
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

import torch
from tqdm import tqdm

from strata import paths, ranks
from strata.errors import StrataError
from strata.records import rounded, sha256, write_json

Unit, Result = TypeVar("Unit"), TypeVar("Result")


class WorkError(StrataError, RuntimeError):
    """The state of work under way cannot be written or read."""


class Work:
    """The unfinished work of one stage under one set of facts."""

    def __init__(
        self, stage: str, facts: Mapping[str, Any], sources: Iterable[Path] = (paths.SRC,)
    ) -> None:
        """What the numbers depend on.

        Args:
            facts: plain data: parameters, the model's record, texts.
            sources: the code, as files and folders.
        """
        modules = {file for place in sources for file in (place, *place.rglob("*.py"))}
        code = sorted(sha256(file) for file in modules if file.is_file())
        key = json.dumps([rounded(dict(facts)), code], sort_keys=True)
        self.key = hashlib.sha256(key.encode()).hexdigest()[:16]
        self.folder = paths.WORK / stage / self.key

    def result(self, unit: str) -> Any | None:
        """What a finished unit left, or None."""
        file = self.folder / f"{unit}.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def finish(self, unit: str, result: Any) -> None:
        """Keep a unit's result and drop its checkpoint."""
        write_json(self.folder / f"{unit}.json", result)
        self._checkpoint(unit).unlink(missing_ok=True)

    def once(self, unit: str, make: Callable[[], Any]) -> Any:
        """What a unit leaves, as `result` has it; made only if it is not finished."""
        if self.result(unit) is None:
            self.finish(unit, make())
        return self.result(unit)

    def every(self, units: Mapping[str, Callable[[], Any]], label: str) -> list[Any]:
        """What the units leave, as `result` has it; made only if they are not finished.

        Each process of torchrun makes its share, and all return everything.

        Raises:
            RankError: another process has ended.
            WorkError: another process left nothing here.
        """
        for place, (unit, make) in enumerate(tqdm(units.items(), label)):
            if place % ranks.SIZE == ranks.RANK:
                self.once(unit, make)
        ranks.wait()
        found = [self.result(unit) for unit in units]
        ranks.wait()  # none removes what another has not read
        if None in found:
            raise WorkError(
                f"{self.folder}: another process has left nothing here; the processes of a run "
                f"need one shared folder, the same code and the same kind of device"
            )
        return found

    def save(self, unit: str, state: Mapping[str, Any]) -> None:
        """Keep the state of a unit under way, in the place of its last one."""
        save(self._checkpoint(unit), state)

    def restore(self, unit: str) -> dict[str, Any] | None:
        """The last saved state of a unit, or None."""
        return restore(self._checkpoint(unit))

    def clear(self) -> None:
        """Remove everything: the stage has written its evidence, which the first process does."""
        if ranks.RANK == 0:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _checkpoint(self, unit: str) -> Path:
        return self.folder / f"{unit}.pt"


def save(file: Path, state: Mapping[str, Any]) -> None:
    """Replace a file by a state of tensors and plain data, in one step.

    Raises:
        WorkError: it cannot be written; the last good one is still there.
    """
    part = file.with_suffix(f".part{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as opened:
            torch.save(dict(state), opened)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(part, file)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        kept = "the last good one is kept" if file.is_file() else "there was none before"
        raise WorkError(
            f"{file}: cannot be written ({error}); {kept}. Make room and run again"
        ) from error


def restore(file: Path, device: torch.device | None = None) -> dict[str, Any] | None:
    """The state in a file, or None if there is none; tensors on `device`, or where they were.

    Raises:
        WorkError: the file cannot be read.
    """
    if not file.is_file():
        return None
    try:
        return torch.load(file, map_location=device, weights_only=True)
    except Exception as error:
        raise WorkError(
            f"{file}: not a readable checkpoint ({type(error).__name__}). Delete it to start anew"
        ) from error


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
    with ProcessPoolExecutor(workers, context, _start_worker) as pool:
        try:
            return list(tqdm(pool.map(function, units), label, total=len(units)))
        except KeyboardInterrupt:
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise
        except BrokenProcessPool as error:
            raise WorkError(
                f"{label}: a worker process was killed, perhaps for want of memory. Set fewer "
                f"workers, or run again: finished units are kept"
            ) from error


def _start_worker() -> None:
    """One thread; the parent alone stops a worker, also by its own end."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGKILL)
