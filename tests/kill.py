"""Stop stages before one of their file operations, run them again, compare every byte they leave.

python tests/kill.py [--points 60] [--stages models corpus ...]

A copy of the tree computes the smoke profile stage by stage. At each point a stage starts from the
state before it, is stopped in one of several ways, and is run again; the tree must then be that of
a run that nothing stopped.
"""

import argparse
import errno
import hashlib
import itertools
import mmap
import os
import random
import resource
import runpy
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parents[1]
COPIED = ("src", "profiles", "data/authored", "data/papers", "results/smoke")
FILLED = ("results/smoke", "data/models", "data/tokens", "data/runs", "data/work")
DIFFERENT = {"provenance", "timing", "locks"}  # from run to run
REMOVING = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.symlink"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
ROOM = 64  # bytes that a file may have where the disk is full


class Fault(NamedTuple):
    """A way to stop a process: what is done, how it may end, and what its last line says."""

    inflict: Callable[[str], None]
    statuses: set[int]
    says: str = ""


class Ended(NamedTuple):
    """A process that ended: its status (negative: the signal), file operations and output."""

    status: int
    operations: int
    output: str


def _signal(number: int) -> Callable[[str], None]:
    return lambda _path: os.kill(os.getpid(), number)


def _full(_path: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))


def _torn(path: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    _full(path)


def _read_only(path: str) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)


TWICE = "twice"  # two runs at once
NEEDED = ("models", "corpus", "lws_train")  # by other stages, and not in git
STOPPED = "stopped; run again to carry on"
FAULTS = {
    "kill": Fault(_signal(signal.SIGKILL), {-signal.SIGKILL}),
    "torn": Fault(_torn, {-signal.SIGXFSZ, 0}),
    "full": Fault(_full, {1, 0}, "ake room"),
    "terminate": Fault(_signal(signal.SIGTERM), {128 + signal.SIGTERM}, STOPPED),
    "interrupt": Fault(_signal(signal.SIGINT), {128 + signal.SIGINT}, STOPPED),
    "read_only": Fault(_read_only, {1}, "make it writable"),
}


class Process:
    """A function in a forked process whose file operations below some folders are counted."""

    def __init__(
        self,
        function: Callable[[], Any],
        folders: Iterable[Path],
        fault: Fault | None = None,
        at: int = 0,
    ) -> None:
        """`fault` happens before operation `at`, the first being 1."""
        self._count = mmap.mmap(-1, 8)
        self._output, output = os.pipe()
        sys.stdout.flush()
        self._id = os.fork()
        if not self._id:
            os.dup2(output, 1)
            os.dup2(output, 2)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.addaudithook(self._counting([str(folder) for folder in folders], fault, at))
            os._exit(_status(function))
        os.close(output)

    def _counting(
        self, folders: list[str], fault: Fault | None, at: int
    ) -> Callable[[str, tuple], None]:
        mine = os.getpid()

        def hook(event: str, args: tuple) -> None:
            changes = event in REMOVING or (event == "open" and (args[2] or 0) & WRITING)
            if not changes or os.getpid() != mine:
                return
            path = os.path.abspath(os.fsdecode(args[0])) if isinstance(args[0], str | bytes) else ""
            if path.startswith(tuple(folders)) and "/locks" not in path:
                operation = int.from_bytes(self._count[:]) + 1
                self._count[:] = operation.to_bytes(8)
                lasting = fault and fault.inflict is _read_only
                if fault and (operation == at or (lasting and operation > at)):
                    fault.inflict(path)

        return hook

    def end(self) -> Ended:
        """Wait for the process."""
        with open(self._output, errors="replace") as opened:
            output = opened.read()
        _, status = os.waitpid(self._id, 0)
        operations = int.from_bytes(self._count[:])
        return Ended(os.waitstatus_to_exitcode(status), operations, output)


def _status(function: Callable[[], Any]) -> int:
    """The exit status of a function as a program, with its last words on stderr."""
    status: Any = 0
    try:
        function()
    except SystemExit as stop:
        status = stop.code or 0
    except BaseException:
        status = traceback.format_exc()
    sys.stdout.flush()
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    sys.stderr.flush()
    return status


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
        if fault.inflict is not _read_only and (
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


def stopped(tree: Tree, script: Path, name: str, at: int, whole: dict[str, str]) -> Iterator[str]:
    """What is wrong after a stage is stopped at an operation and run again."""
    tree.restore()
    yield from judge(FAULTS[name], tree.start(script, FAULTS[name], at).end(), tree.root)
    again = tree.start(script).end()
    if again.status:
        yield f"the next run fails: {again.output[-400:]}"
    elif wrong := different(contents(tree.root), whole):
        yield f"differs from an undisturbed run in {', '.join(wrong)}"


def together(tree: Tree, script: Path, whole: dict[str, str]) -> Iterator[str]:
    """What is wrong after two runs of a stage at once."""
    tree.restore()
    runs = [tree.start(script), tree.start(script)]
    ends = [run.end() for run in runs]
    if any(end.status for end in ends) or sum("waiting for" in end.output for end in ends) != 1:
        yield f"expected one of two runs to wait, found: {ends}"
    elif wrong := different(contents(tree.root), whole):
        yield f"two runs at once differ from one in {', '.join(wrong)}"


def run(tree: Tree, points: int, only: list[str] | None) -> Iterator[str]:
    """What is wrong, point by point, each printed as it is found."""
    from strata import pipeline

    stages = pipeline.stages()
    for name in stages:
        runpy.run_path(str(pipeline.script(name)), run_name="imported")
    ways, draws = itertools.cycle([*FAULTS, TWICE]), random.Random(0)
    count = len(only or stages)
    shares = ((points + place) // count for place in range(count))
    for name in stages:
        if only and name not in (*only, *NEEDED):
            continue
        script = pipeline.script(name)
        tree.keep(pipeline.files(name))
        operations, whole = tree.complete(script), contents(tree.root)
        if only and name not in only:
            continue
        for way in itertools.islice(ways, next(shares)):
            at = draws.randint(1, operations)
            wrong = list(
                together(tree, script, whole)
                if way == TWICE
                else stopped(tree, script, way, at, whole)
            )
            print(f"{name}, {way}, {at} of {operations}: {'; '.join(wrong) or 'whole'}", flush=True)
            yield from wrong


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
