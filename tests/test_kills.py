"""Stages that are stopped end in the same bytes when run again; so do notebooks."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from strata import paths

QUICK = ["models", "corpus", "inputs", "anatomy_weights", "lws_architecture"]
BIN = Path(sys.executable).parent
POINTS = 14  # each way to stop, twice


def test_stopped_stages_end_in_the_same_bytes():
    command = [sys.executable, "tests/kill.py", "--points", str(POINTS), "--stages", *QUICK]
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": whole") == POINTS


@pytest.fixture
def notebook(tmp_path):
    """A notebook that prints much, beside the Makefile."""
    shutil.copy(paths.ROOT / "Makefile", tmp_path)
    file = tmp_path / "notebooks" / "toy.ipynb"
    file.parent.mkdir()
    cells = [nbformat.v4.new_code_cell("print('x' * 100_000)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), file)
    return file


def execute(notebook, most=resource.RLIM_INFINITY):
    """`make` the notebook where no file may have more than `most` bytes."""
    return subprocess.run(
        ["make", "-o", "setup", f"BIN={BIN}", ".venv/notebooks/toy"],
        cwd=notebook.parents[1],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )


def test_a_notebook_that_cannot_be_written_whole_stays_as_it_was(notebook):
    before = notebook.read_bytes()
    assert execute(notebook, 50_000).returncode != 0
    assert notebook.read_bytes() == before
    done = execute(notebook)
    assert done.returncode == 0, done.stderr
    assert "x" * 100_000 in notebook.read_text()


@pytest.mark.parametrize("keep", [0, 100])
def test_a_damaged_notebook_says_so(notebook, keep):
    notebook.write_bytes(notebook.read_bytes()[:keep])
    done = execute(notebook)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0 and lines == [
        "notebooks/toy.ipynb: damaged, expected a notebook. Restore it (git checkout "
        "notebooks/toy.ipynb) and run again"
    ]


def test_ctrl_c_ends_the_pipeline_though_dvc_hears_none(tmp_path):
    shutil.copy(paths.ROOT / "Makefile", tmp_path)
    (tmp_path / "bin").mkdir()
    programs = {"python": "exit 0", "dvc": "trap '' INT; touch started; sleep 60; touch next"}
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    command = ["make", "-o", "setup", "-o", "inputs", "BIN=bin", "repro", "PROFILE=smoke"]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # not ignored, as in the background
    made = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not (tmp_path / "started").exists():
        assert made.poll() is None
        time.sleep(0.05)
    os.killpg(made.pid, signal.SIGINT)
    assert made.wait(20) != 0
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.killpg(made.pid, 0)
            time.sleep(0.1)
