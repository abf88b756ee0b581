"""Stages that read the hub, against one that runs here: all that they ask for, and faults."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace

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
    "painters_glue.finetuned.variants=[skip]",
]
EVERYTHING = [
    "benchmarks.tasks=[lambada_openai, arc_easy, arc_challenge, hellaswag, winogrande]",
    "painters_glue.tasks=[cola, sst2, mrpc, rte, stsb, qqp, mnli, qnli, wnli]",
]
LITTLE = ["benchmarks.tasks=[lambada_openai]", "painters_glue.tasks=[sst2]"]
NOWHERE = "local=data/nowhere"
MISSING = "0" * 40


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


def everything(stage, *changes):
    """Run the stages that read models and data sets, each data set by one of them."""
    for script in ("00_models", "02_inputs", "11_anatomy_ablation", "32_painters_variants"):
        done = stage(script, *(EVERYTHING if script == "02_inputs" else ()), *changes)
        assert done.status == 0, done.output
    assert stage("35_painters_glue", *changes).status == 0


def test_hub_and_local_copies_give_the_same_evidence(hub, stage, folder):
    everything(stage, NOWHERE)
    fetched = evidence(folder)
    assert len([name for name in fetched if name.startswith("inputs/")]) == 3 + 2 + 6 + 9
    assert not [each.path for each in hub.asked if published.NEWEST in each.path]
    assert not [each.path for each in hub.asked if each.path.endswith(".bin")]

    shutil.rmtree(folder / "tree" / "results")
    hub.asked.clear()
    everything(stage)
    copied = evidence(folder)
    assert copied.keys() == fetched.keys()
    assert [name for name in copied if copied[name] != fetched[name]] == []
    assert not [each.path for each in hub.asked if "/datasets/" in each.path]


@pytest.mark.parametrize(
    ("repository", "config", "revision"), [published.DOLMINO, published.FINEWEB]
)
def test_training_text_streams_from_its_commit(hub, stage, folder, repository, config, revision):
    source = f"{{repository: {repository}, config: {config}, revision: {revision}}}"
    done = stage("01_corpus", f"corpus.hub={source}")
    assert done.status == 0, done.output
    assert json.loads(evidence(folder)["inputs/corpus.json"])["revision"] == revision
    streamed = [each.path for each in hub.asked if "/storage/datasets/" in each.path]
    assert streamed and all(f"{repository}/{revision}/" in path for path in streamed)
    hub.asked.clear()
    assert stage("01_corpus", f"corpus.hub={source}").status == 0 and not hub.asked


def test_a_branch_is_resolved_once(hub, stage, folder):
    assert stage("01_corpus", "corpus.hub.revision=main").status == 0
    assert json.loads(evidence(folder)["inputs/corpus.json"])["revision"] == published.NEWEST
    assert len([each for each in hub.asked if each.path.endswith("/revision/main")]) == 1


REFUSED = {  # script, a fault or a changed parameter, and what the one line says
    "model gated": ("00_models", Fault(SMOLLM, 401), "anatomy_model: cannot fetch .*it is gated"),
    "model not granted": ("00_models", Fault(SMOLLM, 403), f"{SMOLLM} at .*it is gated: accept"),
    "no such model": ("00_models", "anatomy_model.hub.repository=no/body", "no such repository"),
    "model's commit": ("00_models", f"anatomy_model.hub.revision='{MISSING}'", "such revision"),
    "model cut": ("00_models", Fault("safetensors", "short"), "should be of size .* but has size"),
    "model reset": ("00_models", Fault("safetensors", "reset"), "Connection reset by peer"),
    "model damaged": ("00_models", Fault("safetensors", "garbled"), "expected sha256 .*: delete"),
    "text gated": ("02_inputs", Fault(WIKITEXT, 401), "evaluation_text: cannot fetch .*gated"),
    "text not granted": ("02_inputs", Fault(WIKITEXT, 403), "gated dataset .* ask for access"),
    "text's commit": ("02_inputs", f"evaluation_text.hub.revision='{MISSING}'", "such revision"),
    "text cut": ("02_inputs", Fault(WIKITEXT, "short"), "should be of size .* but has size"),
    "text reset": ("02_inputs", Fault(WIKITEXT, "reset"), "evaluation_text: .*reset by peer"),
    "text damaged": ("02_inputs", Fault("test-00000", "garbled"), "Parquet magic bytes"),
    "benchmark gated": ("32_painters_variants", Fault("lambada", 403), "lambada_openai: .*gated"),
    "GLUE gated": ("35_painters_glue", Fault("nyu-mll", 401), "sst2: cannot fetch nyu-mll.*gated"),
    "corpus gated": ("01_corpus", Fault("dolmino", 401), "corpus: cannot read .*a gated dataset"),
    "corpus cut": ("01_corpus", Fault("dclm-0000", "short"), "corpus: cannot read allenai/dolmino"),
    "corpus damaged": ("01_corpus", Fault("dclm-0000", "garbled"), "Unknown frame descriptor"),
    "tokenizer gated": ("01_corpus", Fault("neox", 403), "the tokenizer .*it is gated"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_hub_refuses_is_one_line(hub, stage, folder, case):
    script, wrong, said = REFUSED[case]
    if isinstance(wrong, Fault):
        hub.faults.append(replace(wrong))
    done = stage(script, NOWHERE, *([wrong] if isinstance(wrong, str) else ()))
    assert done.status == 1, done.output
    last = done.output.strip().splitlines()[-1]
    assert re.match(rf"{script}.py: .*{said}.*(or set|run again)", last), done.output
    assert "Traceback" not in done.output and evidence(folder) == {}


@pytest.mark.parametrize(
    ("script", "part", "kind"),
    [
        ("00_models", SMOLLM, 429),
        ("02_inputs", WIKITEXT, 429),
        ("01_corpus", "dolmino", 429),
        ("00_models", f"storage/models/{SMOLLM}", "dropped"),
        ("02_inputs", f"storage/datasets/{WIKITEXT}", "dropped"),
        ("01_corpus", "dclm-0000", "dropped"),
        ("01_corpus", "dclm-0000", "reset"),
    ],
)
def test_what_passes_is_asked_again(hub, stage, script, part, kind):
    """Not before the second that a busy hub names, asked a second time."""
    hub.faults.append(Fault(part, kind, times=2 if kind == 429 else 1))
    done = stage(script, NOWHERE)
    assert done.status == 0, done.output
    assert hub.faults[0].times == 0
    times = [each.when for each in hub.asked if part in each.path]
    assert kind != 429 or times[2] - times[1] >= 1


def test_a_download_goes_on_where_it_broke(hub, stage, folder):
    """A client counts what has come in pieces of ten million bytes."""
    commit = compose("smoke").anatomy_model.hub.revision
    file = folder / "hub" / "models" / SMOLLM / commit / "long.txt"
    file.write_bytes(bytes(24_000_000))
    hub.faults.append(Fault(file.name, "dropped", times=1))
    done = stage("00_models")
    file.unlink()
    assert done.status == 0, done.output
    starts = [each.start for each in hub.asked if each.method == "GET" and file.name in each.path]
    assert starts[0] == 0 < starts[1] and len(starts) == 2


def test_out_of_reach_the_cache_is_read_at_the_commit_and_no_other(hub, stage, folder):
    scripts = ("00_models", "01_corpus", "02_inputs")
    for script in scripts:
        assert stage(script, NOWHERE).status == 0
    fetched = evidence(folder)
    newest = f"evaluation_text.hub.revision={published.NEWEST}"
    assert stage("02_inputs", NOWHERE, newest).status == 0
    assert evidence(folder) != fetched

    shutil.rmtree(folder / "tree" / "results")
    hub.asked.clear()
    with stages(folder, hub, HF_HUB_OFFLINE="1") as run:
        for script in scripts:
            done = asked(run, script, NOWHERE)
            assert done.status == 0, done.output
        assert evidence(folder) == fetched
        other = asked(run, "02_inputs", NOWHERE, f"evaluation_text.hub.revision='{MISSING}'")
    assert other.status == 1 and "evaluation_text: cannot fetch" in other.output.splitlines()[-1]
    assert not hub.asked
