"""A fourth paper is a few new files: no Python that is here already is edited for it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from strata import paths

FILES = {
    "data/papers/toy/paper.yaml": """
letter: D
title: Toy layers
authors: A. N. Other
year: 2026
arxiv: '0000.00000'
about: how long a text is
notebook: 05_toy
protocols: {counted: [{what: model, published: none}]}
""",
    "data/papers/toy/claims.yaml": """
- id: D-LENGTH
  source: {kind: text, table: "1"}
  statement: The text has many passages
  protocol: counted
  profile: smoke
  nulls: []
  no_null: a count
  analysis: {rule: a count, commit: 0123abc}
  checks:
    - name: passages
      kind: range
      published: 5
      unit: passages
      tolerance: {low: 5, high: .inf, reason: many}
      evidence: {file: toy/length.json, key: passages}
""",
    "src/strata/toy/params.py": '''
"""Parameters of the toy paper."""

from strata.params.sections import PositiveInt, Section


class LengthParams(Section):
    """How many passages to count at most."""

    most: PositiveInt


SECTIONS = {"toy_length": LengthParams}
''',
    "src/strata/toy/figures.py": '''
"""Figures of the toy paper."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from strata.figures.shown import Shown


def toy_length(shown: Shown) -> Figure:
    """Passages by their length in characters."""
    figure, axis = plt.subplots()
    axis.hist(shown.table("toy/lengths")["characters"])
    return figure


FIGURES = (toy_length,)
''',
    "src/50_toy_length.py": '''
"""Count passages.

Claims    D-LENGTH
Inputs    the evaluation text
Outputs   results/<profile>/toy/length.json, lengths.csv
Cost      a second
"""

import pandas as pd

from strata import stage
from strata.evidence import MODEL, Evidence
from strata.params import Params
from strata.records import Estimate
from strata.text import read_passages


def run(settings: Params) -> None:
    evidence = Evidence("toy", settings.profile)
    passages = read_passages(settings)[: settings.toy_length.most]
    evidence.rows("lengths", pd.DataFrame({"characters": [len(each) for each in passages]}))
    evidence.measured(MODEL, {"passages": Estimate(*[len(passages)] * 3)})
    evidence.write("length", {"model": "none"})


if __name__ == "__main__":
    stage.main(__doc__, run)
''',
}
STAGE = """
  toy_length:
    desc: Count passages
    wdir: ${root}
    cmd: python src/50_toy_length.py --params ${params}
    deps:
      - results/${profile}/inputs/texts/evaluation_text.json
    params:
      - ${params}: [toy_length]
    outs:
      - results/${profile}/toy/length.json: {cache: false}
      - results/${profile}/toy/lengths.csv: {cache: false}
"""
CELLS = {
    "## How long? (D-LENGTH)": nbformat.v4.new_markdown_cell,
    "from strata.report.reading import Reading\nfrom strata.toy import figures\n"
    "figure = figures.toy_length(Reading('toy').shown('length'))": nbformat.v4.new_code_cell,
    "from IPython.display import Markdown\nMarkdown(Reading('toy').verdicts())": (
        nbformat.v4.new_code_cell
    ),
}
PAGES = """
import nbformat
from strata import paths
from strata.report import pages
from strata.report.material import read_material
notebooks = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
every = pages.pages_of(notebooks)
print(pages.index_page(read_material(), notebooks, every))
print(pages.notebook_page(pages.executed(notebooks[-1]), notebooks[-1], every))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree with the toy paper added."""
    folder = tmp_path_factory.mktemp("fourth") / "strata"
    left = shutil.ignore_patterns(".venv", ".git", "models", "tokens", "runs", "work", "local")
    shutil.copytree(paths.ROOT, folder, symlinks=True, ignore=left)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.lstrip())
    title = nbformat.v4.new_markdown_cell("# Paper D: Toy layers")
    cells = [title, *(kind(source) for source, kind in CELLS.items())]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / "05_toy.ipynb")
    with (folder / "params.yaml").open("a") as file:
        yaml.safe_dump({"toy_length": {"most": 20}}, file)
    with (folder / "dvc.yaml").open("a") as file:
        file.write(STAGE)
    run(folder, "git", "init", "--quiet")
    return folder


def run(folder, *command):
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"PATH": binaries, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(folder / "src")}
    done = subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_fourth_paper_goes_all_the_way(tree):
    assert len(FILES) + 1 <= 6
    run(tree, sys.executable, "-m", "strata.pipeline")
    stage = yaml.safe_load((tree / "dvc.yaml").read_text())["stages"]["toy_length"]
    assert "src/50_toy_length.py" in stage["deps"]

    run(tree, "dvc", "repro", "--single-item", "toy_length")
    run(tree, sys.executable, "src/90_verdicts.py")
    verdict = json.loads((tree / "results/laptop/verdicts.json").read_text())["D-LENGTH"]
    assert verdict["outcome"] == "replicated"

    run(tree, sys.executable, "src/89_figures.py")
    assert (tree / "results" / "laptop" / "figures" / "toy_length.png").stat().st_size > 1000

    report = run(tree, sys.executable, "-c", PAGES)
    assert 'id="D-LENGTH"' in report and "image/svg+xml" in report
    assert 'href="05_toy.html#How-long?-(D-LENGTH)"' in report
