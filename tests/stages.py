"""Runs stages, each in a fork of one process that has the libraries loaded, with no network.

python stages.py        # a line of JSON in, the words of a command; a line out, status and output
"""

import gc
import json
import os
import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from faults import Process

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
        code = {"PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tree,
            env=kept | code | variables,
        )

    def __enter__(self) -> "Stages":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def __call__(self, *command: str) -> Done:
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return Done(*json.loads(self.process.stdout.readline()))


def only_here(event: str, arguments: tuple) -> None:
    """An audit hook that lets nobody leave this machine."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        address = arguments[1][0]
        if address not in HERE:
            raise AssertionError(f"asked the network for {address}")


def run(command: list[str]) -> None:
    """Run a script as `python` does."""
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    for name in LIBRARIES:
        import_module(name)
    for script in Path("src").glob("[013]*.py"):
        runpy.run_path(str(script), run_name="imported")
    gc.freeze()  # a fork need not collect what it has not made
    sys.addaudithook(only_here)
    for line in sys.stdin:
        command = json.loads(line)
        ended = Process(lambda command=command: run(command), ()).end()
        print(json.dumps([ended.status, ended.output]), flush=True)
