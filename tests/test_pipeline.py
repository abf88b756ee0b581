"""The pipeline itself: declared dependencies, a fresh lock, and the smoke profile end to end."""

import ast
import hashlib
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from strata import paths

SRC = paths.ROOT / "src"
STAGES = yaml.safe_load((paths.ROOT / "dvc.yaml").read_text())["stages"]
SCRIPTS = sorted(SRC.glob("[0-9][0-9]_*.py"))
MADE = ("models", "tokens", "runs", "work")  # folders of data/ that stages fill
AFTER_THE_PIPELINE = {"report"}  # reads every profile and the notebooks, so `make` runs it last


def run(*command, cwd, **environment):
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": binaries, "DVC_NO_ANALYTICS": "1"} | environment
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)


def script_of(stage):
    return SRC / STAGES[stage]["cmd"].split()[1].removeprefix("src/")


def imported(file):
    """Files of `strata` that a file imports, directly or not."""
    found, queue = set(), [file]
    while queue:
        for module in _modules(queue.pop()):
            for place in (SRC / f"{module}.py", SRC / module / "__init__.py"):
                if place.is_file() and place not in found:
                    found.add(place)
                    queue.append(place)
    return found


def _modules(file):
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.replace(".", "/") for name in names if name.startswith("strata"))


def has_code(file):
    return len(ast.parse(file.read_text()).body) > 1


UNTRACKED = ("strata/params", "strata/paths")  # what they read is tracked by key or as a file


@pytest.mark.parametrize("stage", STAGES)
def test_stage_depends_on_the_modules_it_imports_and_no_other(stage):
    used = {file for file in imported(script_of(stage)) if has_code(file)}
    used = {file.relative_to(paths.ROOT).as_posix() for file in used}
    used = {file for file in used if not file.startswith(tuple(f"src/{u}" for u in UNTRACKED))}
    deps = {dep for dep in STAGES[stage]["deps"] if dep.startswith("src/strata/")}
    covered = {file: {d for d in deps if file == d or file.startswith(f"{d}/")} for file in used}
    missing = {file for file, by in covered.items() if not by}
    assert not missing, f"{stage}: add to deps in dvc.yaml: {sorted(missing)}"
    idle = deps.difference(*covered.values())
    assert not idle, f"{stage}: take out of deps in dvc.yaml: {sorted(idle)}"


def test_every_numbered_script_is_a_stage_of_its_name():
    expected = {script.stem[3:]: script for script in SCRIPTS}
    stages = {stage: script_of(stage) for stage in STAGES}
    assert stages == {name: expected[name] for name in expected.keys() - AFTER_THE_PIPELINE}


def test_imports_only_go_down():
    floors = [
        ["paths"],
        ["records"],
        ["params"],
        ["statistics", "schedules"],
        ["models", "text", "tasks"],
        ["execution", "surgery"],
        ["work", "training", "nulls"],
        ["anatomy", "lws", "painters"],
        ["across"],
        ["claims"],
        ["figures"],
        ["report"],
        ["generated"],
    ]
    floor = {room: level for level, rooms in enumerate(floors) for room in rooms}
    for file in (SRC / "strata").rglob("*.py"):
        room = file.relative_to(SRC / "strata").parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for module in _modules(file):
            parts = module.split("/")
            if len(parts) > 1 and parts[1] in floor and parts[1] != room:
                assert floor[parts[1]] < floor[room], f"{file.name} imports {module}"


EXPERIMENTS = {"anatomy", "lws", "painters", "across", "execution", "surgery", "training", "models"}


@pytest.mark.parametrize("room", ["claims", "figures", "report"])
def test_what_reads_evidence_computes_none(room):
    for file in (SRC / "strata" / room).rglob("*.py"):
        rooms = {module.split("/")[1] for module in _modules(file) if "/" in module}
        assert not rooms & EXPERIMENTS, f"{file.name}: {rooms}"
        assert not re.search(r"^\s*(import|from) (torch|transformers)", file.read_text(), re.M)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script_explains_itself_and_refuses_bad_parameters(script, monkeypatch, capsys):
    assert _exit_status(monkeypatch, script, "--help") == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("Inputs", "Outputs", "Cost"))
    assert _exit_status(monkeypatch, script, "--profile", "huge") == 2
    complaint = capsys.readouterr().err
    assert "unknown profile 'huge'" in complaint or script.stem[3:] in AFTER_THE_PIPELINE


def _exit_status(monkeypatch, script, *options):
    monkeypatch.setattr(sys, "argv", [str(script), *options])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(script), run_name="__main__")
    return stopped.value.code


@pytest.mark.parametrize("profile", ["laptop", "smoke"])
def test_committed_results_belong_to_this_code(profile):
    pipeline = "dvc.yaml" if profile == "laptop" else f"results/{profile}/dvc.yaml"
    status = run("dvc", "status", pipeline, cwd=paths.ROOT)
    assert "up to date" in status.stdout, f"run make repro PROFILE={profile}\n{status.stdout}"


def _left_behind(folder, names):
    """What a copy of the tree does without: environments, caches, git's objects and weights."""
    weights = {"models"} if Path(folder) == paths.ROOT / "data" else set()
    return weights | ({".venv", ".git", "cache", "tmp", "__pycache__"} & set(names))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the tree, without results of the smoke profile and without an environment."""
    folder = tmp_path_factory.mktemp("copy") / "strata"
    shutil.copytree(paths.ROOT, folder, symlinks=True, ignore=_left_behind)
    shutil.rmtree(folder / "results" / "smoke", ignore_errors=True)
    run("git", "init", "--quiet", cwd=folder)
    _commit(folder)
    return folder


def _commit(folder):
    run("git", "add", "--all", cwd=folder)
    run("git", "-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x", cwd=folder)


def run_in(copy, *command):
    return run(*command, cwd=copy, PYTHONPATH=str(copy / "src"), OMP_NUM_THREADS="1")


def smoke(copy):
    _compose(copy)
    return run_in(copy, "dvc", "repro", "results/smoke/dvc.yaml")


def _compose(copy):
    composed = run_in(copy, sys.executable, "-m", "strata.params", "--profile", "smoke")
    assert composed.returncode == 0, composed.stderr


IN_TURN = """
import runpy, sys
for script in sys.argv[1:]:
    sys.argv = [script, "--params", "results/smoke/params.yaml"]
    runpy.run_path(script, run_name="__main__")
"""


def from_scratch(copy, stages):
    """Run the stages' scripts without results, models, tokens or trained runs of before.

    One process runs them all: libraries are imported once, and a stage finds the random states
    that the others left, not those every fresh process begins with.
    """
    for folder in ("results/smoke", *(f"data/{name}" for name in MADE)):
        shutil.rmtree(copy / folder, ignore_errors=True)
    _compose(copy)
    scripts = [f"src/{script_of(stage).name}" for stage in stages]
    return run_in(copy, sys.executable, "-c", IN_TURN, *scripts)


TIMED = {"provenance", "timing", "dvc.lock"}
TIMED |= {"verdicts.json", "verdicts.md", "metrics.json", "claims_agreement.png"}  # judge timings


def digests(folder):
    """File -> hash, without timings and what is judged on them."""
    files = [f for f in folder.rglob("*") if f.is_file() and not TIMED & set(f.parts)]
    return {f.relative_to(folder): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_smoke_profile_end_to_end(copy):
    laptop = digests(copy / "results" / "laptop")
    first = smoke(copy)
    assert first.returncode == 0, first.stderr[-3000:]
    folder = copy / "results" / "smoke"
    for name in ("anatomy/ablation.csv", "verdicts.json", "figures/anatomy_ablation.png"):
        assert (folder / name).stat().st_size > 100
    evidence = digests(folder)

    again = smoke(copy)
    assert "Running stage" not in again.stdout, "nothing changed, yet something ran"

    stages = re.findall(r"Running stage '(?:.*:)?(\w+)'", first.stdout)
    assert set(stages) == set(STAGES)
    fresh = from_scratch(copy, stages)
    assert fresh.returncode == 0, fresh.stderr[-3000:]
    assert digests(folder) == evidence, "the same run twice gave other bytes"
    assert digests(copy / "results" / "laptop") == laptop, "smoke touched another profile"


def test_a_stage_that_fails_is_judged_around_and_is_the_exit_status(copy):
    (copy / "results" / "smoke" / "verdicts.md").unlink(missing_ok=True)
    made = ["-o", "setup", "-o", ".venv/installed", f"BIN={Path(sys.executable).parent}"]
    failed = run_in(copy, "make", *made, "DVC=false", "repro", "PROFILE=smoke")
    assert failed.returncode != 0
    assert "Profile smoke" in failed.stdout, failed.stderr[-3000:]


def test_metrics_and_plots_are_shown(copy):
    shown = run("dvc", "metrics", "show", cwd=copy)
    assert "results/smoke/metrics.json" in shown.stdout and not shown.stderr
    _commit(copy)
    file = copy / "results" / "smoke" / "metrics.json"
    file.write_text(file.read_text().replace('"not run": ', '"not run": 1'))
    assert "claims.not run" in run("dvc", "metrics", "diff", cwd=copy).stdout
    plots = run("dvc", "plots", "show", "--out", "plots", cwd=copy)
    assert plots.returncode == 0, plots.stderr
    page = (copy / "plots" / "index.html").read_text()
    assert "anatomy_ablation.png" in page and "http" not in page.replace("http-equiv", "")
