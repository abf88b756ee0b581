"""The bundle end to end at a tiny size, on a CPU, with no more than a bare GPU machine has."""

import json
import shutil
import sys

import pandas as pd
import pytest
import yaml
from conftest import run

from strata import paths

sys.path.insert(0, str(paths.ROOT / "bench"))
import bundle

MISSING = ("dvc", "dvclive", "datasets", "lm_eval", "seaborn", "statsmodels", "matplotlib", "gguf")
RATES = (1e-4, 1e-2)


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A bundle of the smoke profile with a sweep of two rates, where much is not installed."""
    root = tmp_path_factory.mktemp("gpu") / "bundle"
    bundle.write("smoke", root)
    profile = root / "strata" / "profiles" / "smoke.yaml"
    content = yaml.safe_load(profile.read_text())
    groups = content["lws_train"]["groups"]
    one = {**groups[0], "variants": ["baseline_18l"]}
    groups += [{**one, "name": f"rate_{rate}", "learning_rate": rate} for rate in RATES]
    profile.write_text(yaml.safe_dump(content))
    (root / "lib").mkdir()
    (root / "lib" / "sitecustomize.py").write_text(
        f"import sys\nfor name in {MISSING}:\n    sys.modules[name] = None\n"
    )
    return root


def call(root, minutes, out="out"):
    command = ("sh", str(root / "run.sh"), str(minutes), out)
    return run(*command, cwd=root.parent, OMP_NUM_THREADS="1", PYTHON=sys.executable)


def test_everything_is_run_once_in_order_of_priority(there):
    done = call(there, 20)
    said = [line for line in done.stdout.splitlines() if line.startswith("== ")]
    assert [line.split()[1].split("/")[1].removesuffix(".py") for line in said] == [
        *("self_check", "20_lws_architecture", "01_corpus", "23_lws_throughput"),
        *("21_lws_train", "21_lws_train", "22_lws_compare"),
    ]
    failed = [line for line in done.stdout.splitlines() if "failed" in line]
    assert done.returncode == 0, done.stderr[-2000:]
    assert all("self_check" in line for line in failed), (failed, done.stderr[-2000:])
    for file in (there.parent / "out").rglob("self_check.json"):  # absent if its time was up first
        checks = json.loads(file.read_text())["checks"]
        assert all(each.get("passed", True) for each in checks.values()), checks
    folder = there.parent / "out" / "smoke" / "lws"
    runs = {file.name: file.stat().st_mtime_ns for file in (folder / "runs").glob("*.json")}
    assert len(runs) == 13 + len(RATES)
    assert json.loads((folder / "throughput.json").read_text())["about"]["device"] == "cpu"

    swept = pd.read_csv(folder / "rates.csv")
    (chosen,) = swept.loc[swept["lowest"], "learning_rate"]
    parameters = there / "strata" / "data" / "runs" / "smoke-params.yaml"
    groups = yaml.safe_load(parameters.read_text())["lws_train"]["groups"]
    rates = {group["name"]: group["learning_rate"] for group in groups}
    assert rates["variants"] == rates["shuffled_depth_roles"] == chosen
    assert rates["pure_bf16"] == rates["fp32_master"] == 6e-4

    models = there / "strata" / "data" / "runs" / "smoke" / "models"
    lost = models / json.loads((folder / "runs" / min(runs, key=runs.get)).read_text())["run"]
    shutil.rmtree(lost)
    before = trained_at(models)
    late = call(there, 2)
    assert late.returncode == 0 and not lost.exists(), "a run was started after the time limit"
    again = call(there, 20)
    assert again.returncode == 0, again.stderr[-2000:]
    after = trained_at(models)
    assert after.pop(lost.name) and after == before, "a finished run was trained again"


def test_a_call_without_two_arguments_says_how(there):
    done = run("sh", str(there / "run.sh"), "20", cwd=there.parent)
    assert done.returncode == 2 and done.stderr == "usage: sh run.sh MINUTES OUT\n"


def trained_at(models):
    return {file.parent.name: file.stat().st_mtime_ns for file in models.glob("*/*.safetensors")}
