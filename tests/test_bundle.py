"""`make gpu-lws` end to end at a tiny size, on a CPU and without DVC."""

import json
import os
import shutil
import sys

import pytest
import yaml
from conftest import run

from strata import paths

MISSING = ("dvc", "dvclive", "datasets", "lm_eval", "seaborn")
RATES = (1e-4, 1e-2)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """What the script needs of the tree, a corpus, a sweep of two rates beside the profile's runs,
    and an environment in which all that a bare GPU machine lacks is missing."""
    root = tmp_path_factory.mktemp("gpu") / "strata"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "bench", "profiles"):
        shutil.copytree(paths.ROOT / name, root / name, ignore=ignored)
    shutil.copy(paths.PARAMS, root)
    profile = root / "profiles" / "smoke.yaml"
    content = yaml.safe_load(profile.read_text())
    groups = content["lws_train"]["groups"]
    one = {**groups[0], "variants": ["baseline_18l"]}
    groups += [{**one, "name": f"rate_{rate}", "learning_rate": rate} for rate in RATES]
    profile.write_text(yaml.safe_dump(content))
    texts = root / "texts"
    texts.mkdir()
    for number in range(30):
        (texts / f"{number}.txt").write_text(f"text {number} says something plain. " * 40)
    (root / "sitecustomize.py").write_text(
        f"import sys\nfor name in {MISSING}:\n    sys.modules[name] = None\n"
    )
    return root


def call(root, *command):
    path = f"{root}{os.pathsep}{root / 'src'}"
    return run(sys.executable, *command, cwd=root, PYTHONPATH=path, OMP_NUM_THREADS="1")


def test_everything_is_run_once_in_order_of_priority(copy):
    script = ("bench/gpu_lws.py", "--profile", "smoke", "--corpus", str(copy / "texts"))
    done = call(copy, *script, "--minutes", "20")
    assert done.returncode == 0 and "failed" not in done.stdout, done.stdout + done.stderr[-2000:]
    stages = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("== ")]
    assert stages == [
        *("20_lws_architecture", "01_corpus", "23_lws_throughput"),
        *("21_lws_train", "21_lws_train", "22_lws_compare"),
    ]
    folder = copy / "results" / "smoke" / "lws"
    runs = {file.name: file.stat().st_mtime_ns for file in (folder / "runs").glob("*.json")}
    assert len(runs) == 13 + len(RATES)
    assert json.loads((folder / "compare.json").read_text())["about"]["text"] == "local"
    assert json.loads((folder / "throughput.json").read_text())["about"]["device"] == "cpu"

    sweep = json.loads((folder / "rate_sweep.json").read_text())
    losses = sweep["validation_losses"]
    assert sweep["chosen"] == float(min(losses, key=losses.get))
    parameters = copy / "data" / "runs" / "smoke-params.yaml"
    groups = yaml.safe_load(parameters.read_text())["lws_train"]["groups"]
    rates = {group["name"]: group["learning_rate"] for group in groups}
    assert rates["variants"] == rates["shuffled_depth_roles"] == sweep["chosen"]
    assert rates["pure_bf16"] == rates["fp32_master"] == 6e-4

    models = copy / "data" / "runs" / "smoke" / "models"
    lost = models / json.loads((folder / "runs" / min(runs, key=runs.get)).read_text())["run"]
    shutil.rmtree(lost)
    before = trained_at(models)
    train = ("src/21_lws_train.py", "--params", str(parameters))
    late = call(copy, *train, "--minutes", "0")
    assert late.returncode == 0 and not lost.exists(), "a run was started after the time limit"
    again = call(copy, *train)
    assert again.returncode == 0, again.stderr[-2000:]
    after = trained_at(models)
    assert after.pop(lost.name) and after == before, "a finished run was trained again"


def trained_at(models):
    return {file.parent.name: file.stat().st_mtime_ns for file in models.glob("*/*.safetensors")}
