"""Notebooks are committed executed: nbval compares nothing in a cell that never ran."""

import json
import os
import shutil
import subprocess

import nbformat
import pytest

from strata import paths

NOTEBOOKS = sorted(paths.NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_code_cell_has_been_executed_without_error(file):
    cells = [c for c in nbformat.read(file, as_version=4).cells if c.cell_type == "code"]
    assert cells
    for number, cell in enumerate(cells, start=1):
        assert cell.execution_count == number, f"code cell {number} was not run in order"
        assert all(output.output_type != "error" for output in cell.outputs)
        assert all(output.get("name") != "stderr" for output in cell.outputs)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_reads_evidence_and_never_computes(file):
    source = "\n".join(c.source for c in nbformat.read(file, as_version=4).cells)
    assert "torch" not in source and "strata.models" not in source


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_runs_notebooks_on_the_kernel_of_the_environment(tmp_path):
    other = tmp_path / "with space" / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": ["false"], "display_name": "other", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    rule = "kernels: ; @jupyter kernelspec list --json"
    found = subprocess.run(
        ["make", "-s", "--eval", rule, "kernels"],
        cwd=paths.ROOT,
        env=os.environ | {"JUPYTER_PATH": str(tmp_path / "with space")},
        capture_output=True,
        text=True,
        check=True,
    )
    kernels = json.loads(found.stdout)["kernelspecs"]
    assert kernels["python3"]["spec"]["display_name"] != "other"
