"""What people and broken disks hand in: each is refused in one line, and nothing is left behind."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from bad_inputs import CLAIMS, EVIDENCE, PARAMETERS, TABLES, TEXTS, WHOLE, YAML
from toy_ledger import entry, ledger, write

from strata import params, paths
from strata.anatomy.importance import existing, importance
from strata.anatomy.manipulation import redundant
from strata.anatomy.subjects import NAMES
from strata.claims import LedgerError, judge
from strata.errors import StrataError
from strata.evidence import Evidence
from strata.papers import load_papers
from strata.report.texts import load_texts
from strata.results import NoResultError, ResultError, read_json, read_table


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A copy of params.yaml and profiles/ that a test may change."""
    shutil.copy(paths.PARAMS, tmp_path)
    shutil.copytree(paths.PROFILES, tmp_path / "profiles")
    for name, place in (("ROOT", ""), ("PARAMS", "params.yaml"), ("PROFILES", "profiles")):
        monkeypatch.setattr(paths, name, tmp_path / place)
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    return tmp_path


def refused(error, message, run, *args):
    with pytest.raises(error, match=message) as caught:
        run(*args)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("keys", "value", "message"), PARAMETERS)
def test_a_bad_parameter(tree, keys, value, message):
    content = yaml.safe_load((tree / "params.yaml").read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (tree / "params.yaml").write_text(yaml.safe_dump(content))
    refused(StrataError, message, params.read, tree / "params.yaml")
    assert not (tree / "results").exists()


@pytest.mark.parametrize(("content", "message"), YAML)
def test_a_file_that_is_no_mapping(tmp_path, content, message):
    (tmp_path / "params.yaml").write_bytes(content)
    refused(params.ParamsError, message, params.read, tmp_path / "params.yaml")
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "paper.yaml").write_bytes(content)
    refused(StrataError, message, load_papers, tmp_path)


@pytest.mark.parametrize("circle", ["smoke", "study"])
def test_profiles_in_a_circle(tree, circle):
    for name, over in (("study", circle), ("smoke", "study")):
        file = tree / "profiles" / f"{name}.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"over": over}))
    refused(params.ParamsError, "expected no circle of profiles", params.compose, "smoke")


@pytest.mark.parametrize(("changes", "message"), CLAIMS)
def test_a_bad_claim(tmp_path, changes, message):
    refused(LedgerError, message, ledger, tmp_path, entry(**changes))


@pytest.mark.parametrize(("kind", "content", "message"), TEXTS)
def test_a_text_that_names_what_is_not_there(tmp_path, kind, content, message):
    content = content if isinstance(content, list) else [content]
    (tmp_path / kind.FILE).write_text(yaml.safe_dump(content))
    refused(LedgerError, message, load_texts, kind, tmp_path, {"A-X": ["k"]})


@pytest.mark.parametrize("seeds", [5, "many", {"model": "two"}])
def test_repeats_that_are_none_decide_nothing(tmp_path, seeds):
    claims = ledger(tmp_path / "claims", entry(repeats={"at": "seeds", "least": 2}))
    write(tmp_path, {"seeds": seeds}, k=WHOLE)
    assert judge(claims, tmp_path, "laptop")[0].outcome == "open"


def test_importance_of_another_depth(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path)
    evidence = Evidence("anatomy", "smoke")
    rows = {"layer": [0, 1], "change_percent": [1, 2], "reading": "neighbour_average"}
    for subject in NAMES:
        evidence.rows("ablation", pd.DataFrame(rows), subject=subject)
    evidence.write_tables()
    assert importance(evidence, 2)["model"].tolist() == [1, 2]
    refused(ResultError, "expected 3 layers of .*, found 2", importance, evidence, 3)
    refused(StrataError, "at most the 2 layers of the model, found 100", redundant, [1, 2], 100)
    refused(StrataError, r"named: \[2\] out of range, expected 0 to 1", existing, "named", [2], 2)


@pytest.mark.parametrize("change", ["profile=../x", "a=[", "anatomy_ablation.draws=[[", "=1", "x"])
def test_a_bad_change(tree, change):
    refused(StrataError, "-S|not permitted", params.compose, "smoke", [change])
    assert not (tree / "results").exists()


@pytest.mark.parametrize("profile", ["../smoke", "", "..", "a/b", "nobody"])
def test_a_profile_that_is_none(tree, profile):
    refused(StrataError, "unknown profile .*expected one of", params.compose, profile)


@pytest.mark.parametrize("content", ["rank: 1\n", "profile: [a]\n", "profile: 5\n"])
def test_a_base_without_its_name(tree, content):
    (tree / "params.yaml").write_text(content)
    refused(StrataError, "profile: expected a name", params.compose, "laptop")


@pytest.mark.parametrize(("content", "message"), EVIDENCE)
def test_bad_evidence(tmp_path, content, message):
    claims = ledger(tmp_path / "claims", entry())
    write(tmp_path, k=WHOLE)
    assert judge(claims, tmp_path, "laptop")[0].outcome == "replicated"
    if isinstance(content, str):
        (tmp_path / "anatomy" / "ablation.json").write_text(content)
    else:
        write(tmp_path, k=content)
    advice = f"(?s){message}.*run stage anatomy_ablation again"
    refused(StrataError, advice, judge, claims, tmp_path, "laptop")


@pytest.mark.parametrize(("content", "message"), TABLES)
def test_a_bad_table(tmp_path, content, message):
    file = tmp_path / "anatomy" / "ablation_nll.csv"
    file.parent.mkdir()
    if content is not None:
        file.write_text(content)
    advice = f"(?s){message}.*run stage anatomy_ablation again"
    refused(ResultError, advice, read_table, file, "nll")


def test_a_result_that_is_not_there(tmp_path):
    refused(ResultError, "not readable JSON", read_json, tmp_path / "none.json")
    refused(NoResultError, "not a readable table", read_table, tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("profile: laptop\nprofile: smoke\n", "expected the key profile once"),
        ("profile: ../laptop\n", "profile: String should match"),
    ],
)
def test_a_stage_ends_with_one_line(tmp_path, content, message):
    (tmp_path / "params.yaml").write_text(content)
    command = [sys.executable, paths.ROOT / "src" / "03_printed.py"]
    done = subprocess.run(
        [*command, "--params", tmp_path / "params.yaml"],
        env=os.environ | {"PYTHONPATH": str(paths.SRC)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and not done.stdout
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "params.yaml"]
