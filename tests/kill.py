"""Stop stages before one of their file operations, run them again, compare every byte they leave.

python tests/kill.py [--points 60] [--stages models corpus ...]

A copy of the tree computes the smoke profile stage by stage. At each point a stage starts from the
state before it, is stopped in one of several ways, and is run again; the tree must then be that of
a run that nothing stopped.
"""

import argparse
import hashlib
import itertools
import os
import random
import runpy
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from faults import FAULTS, PAUSE, Ended, Fault, Process

HERE = Path(__file__).resolve().parents[1]
COPIED = ("src", "profiles", "data/authored", "data/papers", "results/smoke")
FILLED = ("results/smoke", "data/models", "data/tokens", "data/runs", "data/work")
DIFFERENT = {"provenance", "timing", "locks"}  # from run to run
TWICE, WAITING = "twice", "waiting for process"  # two runs at once, and what the second says
NEEDED = ("models", "corpus", "lws_train")  # by other stages, and not in git


def contents(root: Path) -> dict[str, str]:
    """File -> sha256 of all that stages fill, but what differs from run to run."""
    files = [file for name in FILLED for file in (root / name).rglob("*") if file.is_file()]
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if not DIFFERENT & set(file.parts)
    }


def different(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """The files that only one of two trees has, or that differ."""
    return sorted({name for name, _ in found.items() ^ expected.items()})


def judge(fault: Fault, ended: Ended, root: Path) -> Iterator[str]:
    """What is wrong with the end of a stopped process."""
    last = (ended.output.strip().splitlines() or [""])[-1]
    if ended.status not in fault.statuses:
        yield f"status {ended.status}, expected {fault.statuses}: {last}"
    elif ended.status > 0:
        if "Traceback" in ended.output or fault.says not in last:
            yield f"expected one line that says {fault.says!r}, found: {ended.output[-400:]}"
        if not fault.lasts and (
            parts := [file.name for name in FILLED for file in (root / name).rglob("*.part")]
        ):
            yield f"left {', '.join(parts)}"


class Tree:
    """A copy of the tree in which stages are run, stopped and run again."""

    def __init__(self, root: Path) -> None:
        self.root, self.before = root, root.with_name("before")
        self.folders = [root / name for name in FILLED]
        for name in COPIED:
            shutil.copytree(HERE / name, root / name, symlinks=True)
        for name in ("params.yaml", "dvc.yaml"):
            shutil.copy(HERE / name, root / name)

    def start(self, script: Path, fault: Fault | None = None, at: int = 0) -> Process:
        """Start a stage."""

        def run() -> None:
            os.chdir(self.root)
            sys.argv = [str(script), "--params", "results/smoke/params.yaml"]
            runpy.run_path(str(script), run_name="__main__")

        return Process(run, self.folders, fault, at)

    def keep(self, outputs: Iterable[str]) -> None:
        """Keep the state before a stage, which DVC has cleared of the stage's outputs."""
        for name in outputs:
            place = self.root / "results" / "smoke" / name
            shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        shutil.rmtree(self.before, ignore_errors=True)
        self._copy(self.root, self.before)

    def restore(self) -> None:
        """Return to the state before the stage."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
        self._copy(self.before, self.root)

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        for name in FILLED:
            with suppress(FileNotFoundError):
                shutil.copytree(source / name, target / name, symlinks=True)

    def complete(self, script: Path) -> int:
        """Run a stage to its end; how many file operations it has."""
        ended = self.start(script).end()
        if ended.status:
            sys.exit(f"{script.name} fails undisturbed: {ended.output[-2000:]}")
        return ended.operations


def stopped(tree: Tree, script: Path, way: str, at: int, whole: dict[str, str]) -> Iterator[str]:
    """What is wrong after a stage is stopped at an operation and run again, or run twice."""
    tree.restore()
    if way == TWICE:
        first = tree.start(script, PAUSE, at)
        first.pause()
        second = tree.start(script)
        second.until(WAITING)
        first.resume()
        ended, again = first.end(), second.end()
        if ended.status or WAITING not in again.output:
            yield f"expected the second run to wait, found: {ended}, {again}"
    else:
        yield from judge(FAULTS[way], tree.start(script, FAULTS[way], at).end(), tree.root)
        again = tree.start(script).end()
    if again.status:
        yield f"the next run fails: {again.output[-400:]}"
    elif wrong := different(contents(tree.root), whole):
        yield f"differs from an undisturbed run in {', '.join(wrong)}"


def run(tree: Tree, points: int, only: list[str] | None) -> Iterator[str]:
    """What is wrong, point by point, each printed as it is found."""
    from strata import pipeline

    stages = list(pipeline.stages())
    chosen = only or stages
    del stages[max(map(stages.index, chosen)) + 1 :]
    for name in stages:
        runpy.run_path(str(pipeline.script(name)), run_name="imported")
    ways, draws = itertools.cycle([*FAULTS, TWICE]), random.Random(0)
    shares = ((points + place) // len(chosen) for place in range(len(chosen)))
    for name in (each for each in stages if each in {*chosen, *NEEDED}):
        script = pipeline.script(name)
        tree.keep(pipeline.files(name))
        operations, whole = tree.complete(script), contents(tree.root)
        for way in itertools.islice(ways, next(shares) if name in chosen else 0):
            at = draws.randint(1, operations)
            wrong = list(stopped(tree, script, way, at, whole))
            print(f"{name}, {way}, {at} of {operations}: {'; '.join(wrong) or 'whole'}", flush=True)
            yield from wrong
        if different(contents(tree.root), whole):
            tree.restore()
            tree.complete(script)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--points", type=int, default=60, help="how often a stage is stopped")
    options.add_argument("--stages", nargs="+", help="only these, and what they need of data/")
    chosen = options.parse_args()
    with TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "strata")
        sys.path.insert(0, str(tree.root / "src"))
        wrong = list(run(tree, chosen.points, chosen.stages))
    sys.exit(f"{len(wrong)} points are wrong" if wrong else 0)


if __name__ == "__main__":
    main()
