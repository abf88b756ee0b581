"""Ways to stop a process before one of its file operations: a kill, a full disk, a signal."""

import errno
import mmap
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

REMOVING = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.symlink"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
ROOM = 64  # bytes that a file may have where the disk is full


class Fault(NamedTuple):
    """A way to stop a process: what is done, once or before all later operations too, how it may
    end, and what its last line says."""

    inflict: Callable[[str], None]
    statuses: set[int]
    says: str = ""
    lasts: bool = False


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


STOPPED = "stopped; run again to carry on"
FAULTS = {
    "kill": Fault(_signal(signal.SIGKILL), {-signal.SIGKILL}),
    "torn": Fault(_torn, {-signal.SIGXFSZ, 0}),
    "full": Fault(_full, {1, 0}, "ake room"),
    "terminate": Fault(_signal(signal.SIGTERM), {128 + signal.SIGTERM}, STOPPED),
    "interrupt": Fault(_signal(signal.SIGINT), {128 + signal.SIGINT}, STOPPED),
    "read_only": Fault(_read_only, {1}, "make it writable", lasts=True),
}
PAUSE = Fault(_signal(signal.SIGSTOP), {0})


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
        self._count, self._said = mmap.mmap(-1, 8), b""
        status = 255
        self._output, output = os.pipe()
        sys.stdout.flush()
        self._id = os.fork()
        if not self._id:
            try:
                _speak_into(output)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                sys.addaudithook(self._counting([str(folder) for folder in folders], fault, at))
                status = _status(function)
            finally:
                os._exit(status)
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
                if fault and (operation == at or (fault.lasts and operation > at)):
                    fault.inflict(path)

        return hook

    def until(self, words: str) -> None:
        """Wait for words in what the process says, or for its end."""
        while words.encode() not in self._said and (more := os.read(self._output, 1 << 16)):
            self._said += more

    def pause(self) -> None:
        """Wait until PAUSE has happened to the process."""
        os.waitpid(self._id, os.WUNTRACED)

    def resume(self) -> None:
        """Let a paused process go on."""
        os.kill(self._id, signal.SIGCONT)

    def end(self) -> Ended:
        """Wait for the process."""
        with open(self._output, "rb") as opened:
            output = (self._said + opened.read()).decode(errors="replace")
        _, status = os.waitpid(self._id, 0)
        operations = int.from_bytes(self._count[:])
        return Ended(os.waitstatus_to_exitcode(status), operations, output)


def _speak_into(pipe: int) -> None:
    for descriptor in (1, 2):
        os.dup2(pipe, descriptor)
    sys.stdout, sys.stderr = (os.fdopen(os.dup(pipe), "w", buffering=1) for _ in "oe")


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
