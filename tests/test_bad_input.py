"""What people and broken disks hand in: each is refused in one line, and nothing is left behind."""

import math
import os
import shutil
import subprocess
import sys

import pytest
import yaml
from toy_ledger import at, check, entry, ledger, measured, write

from strata import params, paths
from strata.claims import LedgerError, judge
from strata.errors import StrataError
from strata.papers import load_papers
from strata.results import ResultError, read_json, read_table

GROUP = ("lws_train", "groups", 0)
PARAMETERS = [
    (("anatomy_ablation", "draws"), True, "expected a number, not true or false"),
    (("anatomy_ablation", "draws"), 10**13, "less than or equal to 10000000000, found 10"),
    (("anatomy_ablation", "draws"), 10**30, "less than or equal to"),
    (("anatomy_ablation", "draws"), 2.5, "valid integer"),
    (("anatomy_ablation", "draws"), "many", "valid integer.*found 'many'"),
    (("anatomy_ablation", "draws"), None, "valid integer.*found None"),
    (("anatomy_ablation", "draws"), [5], "valid integer"),
    (("anatomy_ablation", "seed"), -1, "greater than or equal to 0"),
    (("anatomy_ablation", "seed"), 2**32, "less than 4294967296"),
    (("anatomy_ablation", "seed"), math.nan, "finite number|valid integer"),
    (("anatomy_ablation", "seed"), False, "expected a number, not true or false"),
    (("anatomy_ablation",), [], "valid dictionary"),
    (("anatomy_recovery", "learning_rate"), math.inf, "finite number"),
    (("anatomy_recovery", "learning_rate"), math.nan, "finite number"),
    (("anatomy_recovery", "learning_rate"), True, "expected a number, not true or false"),
    (("anatomy_recovery", "learning_rate"), 1e13, "less than or equal to"),
    (("anatomy_recovery", "seeds"), [], "seeds: expected at least one entry, found none"),
    (("anatomy_recovery", "seeds"), [0, 0], "seeds: expected each entry once, found 0 again"),
    (("anatomy_recovery", "seeds"), [0, True], "expected a number, not true or false"),
    (("anatomy_recovery", "seeds"), [0, -3], "greater than or equal to 0"),
    (("anatomy_recovery", "layers"), [], "layers: expected at least one entry"),
    (("anatomy_recovery", "layers"), [3, 3], "layers: expected each entry once"),
    (("anatomy_recovery", "checks"), [0, 5, 5], "once|ascend"),
    (("anatomy_weights", "counts"), [], "counts: expected at least one entry"),
    (("anatomy_weights", "counts"), [1, 1], "counts: expected each entry once"),
    (("anatomy_manipulation", "alphas"), [0.9, math.inf], "finite number"),
    (("anatomy_growth", "heads"), 3, "width 64: expected a multiple of 6"),
    (("anatomy_growth", "width"), 68, "width 68: expected a multiple of 8"),
    (("anatomy_growth", "layers"), 20, "roles must hold each of layers 0 to 19 once"),
    (("anatomy_growth", "phases"), [], "phases"),
    (("anatomy_growth", "texts"), [], "texts: expected at least one entry"),
    (("benchmarks", "tasks"), [], "tasks: expected at least one entry"),
    (("benchmarks", "tasks"), ["arc_easy", "arc_easy"], "found arc_easy again"),
    (("painters_variants", "affected"), [3, 3], "affected: expected each entry once, found 3"),
    (("painters_glue", "tasks"), ["sst2", "sst2"], "found sst2 again"),
    (("painters_model", "path", "name"), "../elsewhere", "painters_model.path.name"),
    (("painters_model", "tiny", "width"), 40, "multiple of 16"),
    (("lws_train", "groups"), [], "groups"),
    ((*GROUP, "name"), "../main", "groups.0.name"),
    ((*GROUP, "name"), "a/b", "groups.0.name"),
    ((*GROUP, "d_model"), 100, "d_model 100: expected a multiple of 24"),
    ((*GROUP, "variants"), [], "variants: expected at least one entry"),
    ((*GROUP, "variants"), ["crown", "crown"], "found crown again"),
    ((*GROUP, "variants"), ["tiara"], "unknown variant 'tiara'"),
    (("profile",), "../smoke", "profile"),
    (("profile",), "a/b", "profile"),
]
YAML = [
    (b"a: 1\na: 2\n", "expected the key a once"),
    (b"a: {b: 1, b: 2}\n", "expected the key b once"),
    (b"a: \xff\n", "not valid YAML"),
    (b"", "expected a mapping, found NoneType"),
    (b"- a\n", "expected a mapping, found list"),
    (b"a: &a [*a]\n", "nested without end"),
    (b"a: " + b"[" * 3000, "nested without end|not valid YAML"),
    (
        b"a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 10))
            for i in range(8)
        ),
        "expected less than 100,000 values",
    ),
    (b"a: !!python/object:os.system {}\n", "not valid YAML"),
    (b"\ta: 1\n", "not valid YAML"),
]
REGION = {"kind": "range", "published": None, "says": "much"}


def region(low, high):
    return {"checks": [check(**REGION, tolerance={"low": low, "high": high, "reason": "r"})]}


CLAIMS = [
    (region(2, 1), "expected low at most high"),
    (region(math.nan, 1), "expected low at most high"),
    (region(math.inf, math.inf), "expected a finite end"),
    (region(-math.inf, -math.inf), "expected a finite end"),
    (region(-math.inf, math.inf), "expected a finite end"),
    ({"checks": [check(published=math.nan)]}, "finite number"),
    ({"checks": [check(published=True)]}, "expected a number, not true or false"),
    ({"checks": [check(evidence={"file": "../a.json", "key": "k"})]}, "evidence.file"),
    ({"checks": [check(evidence={"file": "anatomy/none.json", "key": "k"})]}, "evidence.file"),
    ({"checks": [check(evidence=at(" "))]}, "evidence.key"),
    ({"nulls": ["nobody"]}, "nulls 'nobody': expected one of"),
    ({"statement": "  "}, "statement"),
    ({"protocol": "none"}, "protocol 'none': expected one of toy"),
    ({"able": "fly"}, "able 'fly': expected one of can"),
    ({"requires": ["A-NONE"]}, "requires 'A-NONE': expected one of A-X"),
    ({"requires": ["A-X"]}, "expected no circle"),
    ({"checks": []}, "checks"),
]
WHOLE = measured(model=(9, 11), random_initialisation=(50, 60), shuffled_layers=(50, 60))
EVIDENCE = [
    ("[]", "expected a mapping, found list"),
    ("3", "expected a mapping, found int"),
    ("{", "not readable JSON"),
    ("", "not readable JSON"),
    ("{}", "about: Field required; measurements: Field required"),
    ('{"about": {}, "measurements": {}}', "expected the name of a `model`"),
    ('{"about": {"model": "toy"}, "measurements": [1]}', "valid dictionary"),
    ({"model": {"value": "ten", "low": 1, "high": 2}}, "k.model.value"),
    ({"model": {"value": None, "low": 1, "high": 2}}, "k.model.value"),
    ({"model": {"value": 1, "low": 1}}, "k.model"),
    ({"model": [1, 1]}, "k.model"),
    ({"model": {"value": 1, "low": 3, "high": 2}}, "expected low at most high"),
    ({"model": {"value": math.nan, "low": 1, "high": 2}}, "NaN is no number"),
    ({"model": {"value": 1, "low": 1, "high": math.inf}}, "Infinity is no number"),
]
TABLES = [
    (None, "not a readable table"),
    ("", "not a readable table"),
    ("layer,nll\n", "found no row"),
    ("layer,nll\n0,1.5\n1,2", "found its last line cut"),
    ("layer,nll\n0,1.5,3\n1,2,3,4\n", "not a readable table"),
    ("layer,loss\n0,1.5\n", "expected columns nll"),
    ("layer,nll\n0,\n", "expected numbers in nll, found none"),
    ("layer,nll\n0,nan\n", "expected numbers in nll, found none"),
    ("layer,nll\n0,high\n", "expected numbers in nll, found high"),
    ("layer,nll\n0,inf\n", "expected numbers in nll, found inf"),
]


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
