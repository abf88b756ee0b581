"""Places that one process at a time may fill; the others wait.

A lock ends with the process that holds it, however that ends, so a kill leaves nothing to undo.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from strata import paths


@contextmanager
def locked(name: str, task: str = "") -> Iterator[None]:
    """Be the only process in a block of this name, after any that is in it.

    Args:
        task: what the block does; where another process does it, one line says so.

    Raises:
        OSError: the lock's file cannot be written.
    """
    with _taken(name, task):
        yield


def _taken(name: str, task: str) -> IO[str]:
    """The lock's open file; it holds the id of the process whose lock it is."""
    paths.LOCKS.mkdir(parents=True, exist_ok=True)
    file = (paths.LOCKS / name).open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if task:
            file.seek(0)
            print(f"{task}: waiting for process {file.read()}, which is at it", flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
