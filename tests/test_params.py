"""Parameters: profiles compose, and bad ones are refused by name."""

import shutil

import pytest
import yaml

from strata import params, paths
from strata.params.composing import _change
from strata.profiles import ProfileError


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A copy of params.yaml and profiles/ that a test may change."""
    shutil.copy(paths.PARAMS, tmp_path)
    shutil.copytree(paths.PROFILES, tmp_path / "profiles")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params.yaml")
    monkeypatch.setattr(paths, "PROFILES", tmp_path / "profiles")
    monkeypatch.setattr(paths, "PIPELINE", tmp_path / "dvc.yaml")
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    return tmp_path


def edit(file, *keys, value):
    content = yaml.safe_load(file.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner.setdefault(key, {})
    inner[keys[-1]] = value
    file.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize("profile", ["laptop", "smoke", "study", "paper"])
def test_every_profile_is_valid(tree, profile):
    assert params.compose(profile).profile == profile


def test_overlay_changes_only_what_it_names(tree):
    laptop, smoke = params.compose("laptop"), params.compose("smoke")
    assert smoke.anatomy_model.source == "tiny"
    assert smoke.anatomy_model.wheel == laptop.anatomy_model.wheel
    assert smoke.anatomy_ablation.draw_size == laptop.anatomy_ablation.draw_size


def test_composed_file_is_what_a_stage_reads(tree):
    composed = params.compose("smoke")
    folder = tree / "results" / "smoke"
    assert params.read(folder / "params.yaml") == composed
    assert (folder / "dvc.yaml").readlink().as_posix() == "../../dvc.yaml"


def test_unknown_profile_lists_the_known_ones(tree):
    with pytest.raises(
        ProfileError, match="'huge': expected one of smoke, laptop, large, study, paper"
    ):
        params.compose("huge")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("anatomy_ablation", "speed"), 1, "anatomy_ablation.speed: Extra inputs"),
        (("anatomy_ablation", "draws"), 0, "anatomy_ablation.draws: .*greater than 0, found 0"),
        (
            ("anatomy_model", "source"),
            "ftp",
            "anatomy_model.source: .*'wheel', 'wheels', 'hub', 'path' or 'tiny'",
        ),
        (("anatomy_model", "wheel", "sha256"), "abc", "anatomy_model.wheel.sha256: .*found 'abc'"),
        (("evaluation_text", "max_tokens"), 1, "evaluation_text.max_tokens"),
        (("anatomy_ablation", "draw_size"), 73, r"draw_size must be at most .*, 72; found 73"),
        (("anatomy_manipulation", "alphas"), [0.5], r"alphas must hold 0.9, .*found \(0.5,\)"),
        (("anatomy_growth", "roles"), {"all": [*range(12)]}, "phases name unknown roles"),
    ],
)
def test_bad_value_is_named(tree, keys, value, message):
    edit(tree / "params.yaml", *keys, value=value)
    with pytest.raises(params.ParamsError, match=message):
        params.compose("laptop")


def test_bad_overlay_leaves_nothing_behind(tree):
    edit(tree / "profiles" / "smoke.yaml", "anatomy_ablation", "draws", value=-1)
    with pytest.raises(params.ParamsError, match=r"smoke\.yaml"):
        params.compose("smoke")
    assert not (tree / "results").exists()


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(params.ParamsError, match="none.yaml: cannot be read"):
        params.read(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(params.ParamsError, match="bad.yaml: not valid YAML"):
        params.read(tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "/a (b)/c",
            "/a, b",
            "/a=b",
            "/a b",
            "/a: b",
            "/a #3",
            "/x:",
            "@x",
            "*x",
            "&x",
            "%x",
            "!x",
        ),
        *("#x", "`x", "- a", "? a", "| a", "> a", "2024-01-02", "C:\\x: y", "/(a, b)=c d: e #1"),
    ],
)
def test_a_value_that_is_no_list_mapping_or_number_is_text_as_it_is(text):
    assert _change(f"corpus.local={text}") == {"corpus": {"local": text}}
    assert _change(f"corpus.local='{text}'") == {"corpus": {"local": text}}


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("1.5", 1.5), ("true", True), ("null", None), ("", None), ("[1, 2]", [1, 2])],
)
def test_a_value_may_be_yaml(text, value):
    assert _change(f"a={text}") == {"a": value}


def test_changes_are_laid_over_a_profile_and_bad_ones_named(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "results", lambda profile: tmp_path)
    monkeypatch.setattr(paths, "ROOT", tmp_path.parent)
    changed = params.compose(
        "smoke", ["painters_variants.items={arc_easy: 3}", "painters_model.tiny.seed=5"]
    )
    assert (
        changed.painters_variants.items == {"arc_easy": 3} and changed.painters_model.tiny.seed == 5
    )
    for change, message in (
        ("painters_model.tiny.seed", "expected KEY=VALUE"),
        ("painters_model.tiny.seed={", "not valid YAML"),
        ("painters_model.tiny.colour=red", "painters_model.tiny.colour"),
    ):
        with pytest.raises(params.ParamsError, match=message):
            params.compose("smoke", [change])
    with pytest.raises(params.ParamsError, match="dvc exp run -S"):
        params.compose("laptop", ["painters_model.tiny.seed=5"])
