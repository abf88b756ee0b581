"""Runs stages, each in a fork of one process that has the libraries loaded, with no network.

python stages.py        # a line of JSON in, the words of a command; a line out, status and output
"""

import json
import os
import runpy
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

LIBRARIES = [
    *("accelerate", "aiohttp", "datasets", "lm_eval.api.task", "statsmodels.api", "sympy"),
    *(f"transformers.models.{name}.modeling_{name}" for name in ("bert", "llama")),
]
HERE = {"127.0.0.1", "::1", "localhost"}


class Done(NamedTuple):
    """How a stage ended, and all that it said."""

    status: int
    output: str


class Stages:
    """A tree's stages, ready to run with environment variables; called with a command's words."""

    def __init__(self, tree: Path, **variables: str) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tree,
            env=kept | {"PYTHONPATH": path(tree), "OMP_NUM_THREADS": "1"} | variables,
        )

    def __enter__(self) -> "Stages":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def __call__(self, *command: str) -> Done:
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return Done(*json.loads(self.process.stdout.readline()))


def path(tree: Path) -> str:
    """The tree's own code before any other."""
    return os.pathsep.join([str(tree / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])


def only_here(event: str, arguments: tuple) -> None:
    """An audit hook that lets nobody leave this machine."""
    if (
        event == "socket.connect"
        and isinstance(arguments[1], tuple)
        and arguments[1][0] not in HERE
    ):
        raise AssertionError(f"asked the network for {arguments[1]}")


def forked(command: list[str]) -> Done:
    """Run a script in a fork; wait for it."""
    with TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os._exit(run(command))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        return Done(status, output.read().decode())


def run(command: list[str]) -> int:
    """Run a script as `python` does; its exit status."""
    sys.argv = command
    status: object = 0
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        status = traceback.format_exc()
    if isinstance(status, str):
        print(status, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    return status if isinstance(status, int) else 1


if __name__ == "__main__":
    for name in LIBRARIES:
        import_module(name)
    sys.addaudithook(only_here)
    for line in sys.stdin:
        print(json.dumps(forked(json.loads(line))), flush=True)
