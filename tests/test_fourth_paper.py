"""A fourth paper is a few new files: no Python that is here already is edited for it."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from conftest import run

from strata import paths

TOY = Path(__file__).with_name("fourth_paper")  # what is added, and what is appended to files
PAGES = """
import nbformat
from strata import paths
from strata.report import pages
from strata.report.material import read_material
notebooks = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
every = pages.pages_of(notebooks)
material = read_material()
print(pages.index_page(material, notebooks, every))
print(pages.notebook_page(pages.executed(notebooks[-1]), notebooks[-1], every, material.spoken))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree with the toy paper added."""
    folder = tmp_path_factory.mktemp("fourth") / "strata"
    left = shutil.ignore_patterns(".venv", ".git", "models", "tokens", "runs", "work", "local")
    shutil.copytree(paths.ROOT, folder, symlinks=True, ignore=left)
    shutil.copytree(TOY / "added", folder, dirs_exist_ok=True)
    for part, whole in (("params.yaml", "params.yaml"), ("stage.yaml", "dvc.yaml")):
        with (folder / whole).open("a") as file:
            file.write((TOY / part).read_text())
    run("git", "init", "--quiet", cwd=folder)
    return folder


def ran(folder, *command):
    """What a command printed."""
    done = run(*command, cwd=folder, PYTHONPATH=str(folder / "src"))
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_fourth_paper_goes_all_the_way(tree):
    assert sum(file.is_file() for file in (TOY / "added").rglob("*")) <= 6
    ran(tree, sys.executable, "-m", "strata.pipeline")
    stage = yaml.safe_load((tree / "dvc.yaml").read_text())["stages"]["toy_length"]
    assert "src/50_toy_length.py" in stage["deps"]

    ran(tree, "dvc", "repro", "--single-item", "toy_length")
    ran(tree, sys.executable, "src/90_verdicts.py")
    verdict = json.loads((tree / "results/laptop/verdicts.json").read_text())["D-LENGTH"]
    assert verdict["outcome"] == "replicated"

    ran(tree, sys.executable, "src/89_figures.py")
    assert (tree / "results" / "laptop" / "figures" / "toy_length.png").stat().st_size > 1000

    report = ran(tree, sys.executable, "-c", PAGES)
    assert 'id="D-LENGTH"' in report and '<div class="drawing"><svg' in report
    assert 'href="05_toy.html#How-long?-(D-LENGTH)"' in report
