"""The pipeline itself: declared dependencies, a fresh lock, and the smoke profile end to end."""

import hashlib
import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from conftest import run

from strata import paths, pipeline, profiles
from strata.claims.standing import standing

SRC = paths.ROOT / "src"
STAGES = pipeline.stages()
SCRIPTS = sorted(SRC.glob("[0-9][0-9]_*.py"))
MADE = ("models", "tokens", "runs", "work")  # folders of data/ that stages fill
AFTER_THE_PIPELINE = {"report"}  # reads every profile and the notebooks, so `make` runs it last


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_what_it_imports_and_writes_in_one_place(stage):
    deps = [dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")]
    assert deps == pipeline.code_dependencies(pipeline.script(stage)), "run `make generated`"
    written = {name.rpartition("/")[0].partition("/")[0] for name in pipeline.files(stage)}
    assert len(written) == 1 or stage == "anatomy_growth", "its seconds lie apart"


def test_dependencies_are_followed_through_modules_but_not_into_parameters():
    found = pipeline.code_dependencies(pipeline.script("lws_train"))
    assert "src/strata/training" in found and "src/strata/lws/scaling.py" in found
    assert not any("params" in name or "paths" in name or "anatomy" in name for name in found)
    drawn = pipeline.code_dependencies(pipeline.script("figures"))
    assert {"src/strata/lws/figures.py", "src/strata/painters/figures"} <= set(drawn)


def test_every_numbered_script_is_a_stage_of_its_name():
    expected = {script.stem[3:]: script for script in SCRIPTS}
    stages = {stage: pipeline.script(stage) for stage in STAGES}
    assert stages == {name: expected[name] for name in expected.keys() - AFTER_THE_PIPELINE}


def test_imports_only_go_down():
    floors = [
        ["paths", "errors"],
        ["locks", "ranks"],
        ["records", "yamls", "rooms", "hub"],
        ["profiles", "papers", "schedules", "pipeline"],
        ["params", "results"],
        ["statistics", "evidence", "command_line", "figures"],
        ["text"],
        ["stage", "models", "tasks"],
        ["execution", "work"],
        ["surgery"],
        ["training", "nulls"],
        ["anatomy", "lws", "painters"],
        ["across"],
        ["claims"],
        ["report"],
        ["generated", "look"],
    ]
    floor = {room: level for level, rooms in enumerate(floors) for room in rooms}
    for file in (SRC / "strata").rglob("*.py"):
        room = file.relative_to(SRC / "strata").parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for module in pipeline.named_modules(file):
            parts = module.split("/")
            if len(parts) > 1 and parts[1] in floor and parts[1] != room:
                assert floor[parts[1]] < floor[room], f"{file.name} imports {module}"


EXPERIMENTS = {"anatomy", "lws", "painters", "across", "execution", "surgery", "training", "models"}


@pytest.mark.parametrize("room", ["claims", "report", "figures", "params"])
def test_what_reads_evidence_computes_none(room):
    for file in (SRC / "strata" / room).rglob("*.py"):
        names = pipeline.named_modules(file)
        rooms = {module.split("/")[1] for module in names if "/" in module}
        assert not rooms & EXPERIMENTS, f"{file.name}: {rooms}"
        assert not re.search(r"^\s*(import|from) (torch|transformers)", file.read_text(), re.M)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script_explains_itself_and_refuses_bad_parameters(script, monkeypatch, capsys):
    assert _exit_status(monkeypatch, script, "--help") == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("Inputs", "Outputs", "Cost"))
    if script.stem[3:] not in AFTER_THE_PIPELINE:
        complaint = _exit_status(monkeypatch, script, "--profile", "huge")
        assert complaint.startswith(f"{script.name}: unknown profile 'huge': expected one of")


def _exit_status(monkeypatch, script, *options):
    monkeypatch.setattr(sys, "argv", [str(script), *options])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(script), run_name="__main__")
    return stopped.value.code


WITH_EVIDENCE = sorted(file.parent.name for file in paths.RESULTS.glob("*/verdicts.json"))


@pytest.mark.parametrize("profile", WITH_EVIDENCE)
def test_committed_evidence_belongs_to_this_code(profile):
    folder = paths.ROOT if profile == profiles.base() else paths.results(profile)
    assert (folder / "dvc.lock").is_file(), f"{profile} has evidence and no lock"
    assert "is up to date" in standing(profile), f"run make repro PROFILE={profile}"


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


def _compose(copy):
    composed = run_in(copy, sys.executable, "-m", "strata.command_line", "--profile", "smoke")
    assert composed.returncode == 0, composed.stderr


SMOKE = "results/smoke/dvc.yaml"
IN_TURN = """
import runpy, sys
for script in sys.argv[1:]:
    sys.argv = [script, "--params", "results/smoke/params.yaml"]
    runpy.run_path(script, run_name="__main__")
"""


def from_scratch(copy):
    """Run the stages' scripts, in order, without results, models, tokens or runs of before.

    One process runs them all: libraries are imported once, and a stage finds the random states
    that the others left, not those every fresh process begins with.
    """
    for folder in ("results/smoke", *(f"data/{name}" for name in MADE)):
        shutil.rmtree(copy / folder, ignore_errors=True)
    _compose(copy)
    scripts = [f"src/{pipeline.script(stage).name}" for stage in in_order(copy)]
    done = run_in(copy, sys.executable, "-c", IN_TURN, *scripts)
    assert done.returncode == 0, done.stderr[-3000:]


def in_order(copy):
    """The stages as DVC would run them."""
    planned = run_in(copy, "dvc", "repro", "--dry", "--force", SMOKE)
    stages = re.findall(r"Running stage '(?:.*:)?(\w+)'", planned.stdout)
    assert set(stages) == set(STAGES), planned.stderr
    return stages


TIMED = {"provenance", "timing", "dvc.lock"}
TIMED |= {"verdicts.json", "verdicts.md", "metrics.json", "claims_agreement.png"}  # judge timings


def digests(folder):
    """File -> hash, without timings and what is judged on them."""
    files = [f for f in folder.rglob("*") if f.is_file() and not TIMED & set(f.parts)]
    return {f.relative_to(folder): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_smoke_profile_end_to_end(copy):
    laptop = digests(copy / "results" / "laptop")
    from_scratch(copy)
    folder = copy / "results" / "smoke"
    for name in ("anatomy/ablation.csv", "verdicts.json", "figures/anatomy_ablation.png"):
        assert (folder / name).stat().st_size > 100
    evidence = digests(folder)
    written = {file.relative_to(folder).as_posix() for file in folder.rglob("*")}
    assert {name for stage in STAGES for name in pipeline.files(stage)} <= written

    assert run_in(copy, "dvc", "commit", "--force", SMOKE).returncode == 0
    forced = ("dvc", "repro", "--force", "--single-item")
    architecture = run_in(copy, *forced, f"{SMOKE}:lws_architecture")
    assert architecture.returncode == 0, architecture.stderr[-3000:]
    again = run_in(copy, "dvc", "repro", SMOKE)
    assert again.returncode == 0 and "Running stage" not in again.stdout, "nothing changed"

    from_scratch(copy)
    assert digests(folder) == evidence, "the same run twice gave other bytes"
    assert digests(copy / "results" / "laptop") == laptop, "smoke touched another profile"


def test_a_stage_that_fails_is_measured_around_and_is_the_exit_status(copy):
    (copy / "results" / "smoke" / "verdicts.md").unlink(missing_ok=True)
    made = ["-o", "setup", "-o", "inputs", f"BIN={Path(sys.executable).parent}"]
    (copy / "src" / "20_lws_architecture.py").write_text("raise SystemExit(1)")
    failed = run_in(copy, "make", *made, "repro", "PROFILE=smoke")
    assert failed.returncode != 0
    assert "Profile smoke" in failed.stdout, failed.stderr[-3000:]


def test_metrics_and_plots_are_shown(copy):
    shown = run("dvc", "metrics", "show", cwd=copy)
    assert "results/smoke/metrics.json" in shown.stdout and not shown.stderr
    _commit(copy)
    file = copy / "results" / "smoke" / "metrics.json"
    file.write_text(file.read_text().replace('"not run": ', '"not run": 1'))
    assert "not run" in run("dvc", "metrics", "diff", cwd=copy).stdout
    plots = run("dvc", "plots", "show", "--out", "plots", cwd=copy)
    assert plots.returncode == 0, plots.stderr
    page = (copy / "plots" / "index.html").read_text()
    assert "anatomy_ablation.png" in page and "http" not in page.replace("http-equiv", "")
