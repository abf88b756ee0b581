"""The stages that read the hub, against one that runs here: all that they ask for, all that fails."""

import json
import shutil
from collections.abc import Callable

import published
import pytest
from hub import Fault, serving
from stages import Done, Stages

from strata import paths
from strata.params import compose

SMOLLM, WIKITEXT = "HuggingFaceTB/SmolLM2-135M", "Salesforce/wikitext"
READING = [  # everything from the hub, little of it
    *(f"{name}.source=hub" for name in ("anatomy_model", "painters_model", "painters_encoder")),
    *(f"{name}.source=hub" for name in ("evaluation_text", "anatomy_recovery.train_text")),
    *(f"{name}.source=hub" for name in ("benchmarks", "painters_glue", "corpus")),
    "corpus.tokenizer=hub",
    "painters_variants.affected=[1, 3]",
    "painters_glue.affected=[1, 3]",
]
EVERYTHING = [
    "benchmarks.tasks=[lambada_openai, arc_easy, arc_challenge, hellaswag, winogrande]",
    "painters_glue.tasks=[cola, sst2, mrpc, rte, stsb, qqp, mnli, qnli, wnli]",
]
LITTLE = ["benchmarks.tasks=[lambada_openai]", "painters_glue.tasks=[sst2]"]
NOWHERE = "local=data/nowhere"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A hub's folder, and a tree with local copies of the same rows and no results."""
    root = tmp_path_factory.mktemp("hub")
    for name in ("src", "profiles", "data/authored", "data/papers"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(paths.ROOT / name, root / "tree" / name, ignore=ignored)
    for file in (paths.PARAMS, paths.PIPELINE):
        shutil.copy(file, root / "tree")
    published.publish(compose("smoke"), root / "hub", root / "tree" / "data" / "local")
    return root


@pytest.fixture(scope="module")
def running(folder):
    with serving(folder / "hub") as hub, stages(folder, hub) as run:
        yield hub, run


@pytest.fixture
def hub(running, folder):
    """The hub with nothing wrong, and nothing fetched from it."""
    running[0].faults.clear()
    running[0].asked.clear()
    for place in (
        folder / "home",
        *(folder / "tree" / name for name in ("results", "data/tokens")),
    ):
        shutil.rmtree(place, ignore_errors=True)
    return running[0]


@pytest.fixture
def stage(running) -> Callable[..., Done]:
    """Runs a script at tiny sizes with changed parameters."""
    return lambda script, *changes: asked(running[1], script, *changes)


def stages(folder, hub, **variables):
    place = {"HF_ENDPOINT": hub.address, "HF_HOME": str(folder / "home")}
    return Stages(folder / "tree", **place, HF_HUB_DISABLE_PROGRESS_BARS="1", **variables)


def asked(run, script, *changes):
    options = [word for change in (*READING, *LITTLE, *changes) for word in ("-S", change)]
    return run(f"src/{script}.py", "--profile", "smoke", *options)


def evidence(folder):
    """Every file that git would keep, without the parameters."""
    results = folder / "tree" / "results" / "smoke"
    files = [file for file in results.rglob("*") if file.suffix in {".json", ".csv"}]
    return {
        file.relative_to(results).as_posix(): file.read_bytes()
        for file in files
        if "provenance" not in file.parts
    }


def test_hub_and_local_copies_give_the_same_evidence(hub, stage, folder):
    scripts = ("00_models", "02_inputs", "11_anatomy_ablation", "32_painters_variants")
    for script in (*scripts, "35_painters_glue"):
        done = stage(script, *(EVERYTHING if script == "02_inputs" else ()), NOWHERE)
        assert done.status == 0, done.output
    fetched = evidence(folder)
    assert len([name for name in fetched if name.startswith("inputs/")]) == 3 + 2 + 6 + 9
    assert not [each for each in hub.asked if published.NEWEST in each.path]
    assert not [each for each in hub.asked if each.path.endswith(".bin")]

    shutil.rmtree(folder / "tree" / "results")
    hub.asked.clear()
    for script in (*scripts, "35_painters_glue"):
        assert stage(script, *(EVERYTHING if script == "02_inputs" else ())).status == 0
    copied = evidence(folder)
    assert copied.keys() == fetched.keys()
    assert [name for name in copied if copied[name] != fetched[name]] == []
    assert not [each for each in hub.asked if "/datasets/" in each.path]
