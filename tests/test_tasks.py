"""Harness tasks from authored and local files: the harness's own prompts on other documents."""

import json
from pathlib import Path

import pytest

from strata.params.benchmarks import BenchmarkParams
from strata.tasks import BENCHMARKS, TaskError, describe, load_task
from strata.tasks.benchmarks import AUTHORED

WRITTEN = [name for name, benchmark in BENCHMARKS.items() if benchmark.authored]


def section(**changes):
    plain = {"source": "authored", "local": None, "tasks": ["lambada_openai"]}
    return BenchmarkParams(**plain | changes)


def requests(task, limit=4):
    task.build_all_requests(limit=limit, rank=0, world_size=1)
    return [instance.args for instance in task.instances]


@pytest.mark.parametrize("name", WRITTEN)
def test_authored_sets_become_harness_tasks(name):
    task = load_task(name, section())
    made = requests(task)
    assert made and all(isinstance(part, str) for part in made[0][:1])
    facts = describe(name, task, section())
    assert facts["documents"] == len(list(task.eval_docs)) >= 80
    assert facts == describe(name, load_task(name, section()), section())


def test_prompts_are_the_harness_s_own():
    science = json.loads((AUTHORED / "science.jsonl").read_text().splitlines()[0])
    first = requests(load_task("arc_easy", section()))[0]
    assert first == (
        f"Question: {science['question']}\nAnswer:",
        f" {science['choices']['text'][0]}",
    )
    text = json.loads((AUTHORED / "lambada.jsonl").read_text().splitlines()[0])["text"]
    assert "".join(requests(load_task("lambada_openai", section()))[0]) == text


def test_arithmetic_shows_worked_examples_and_never_asks_them():
    context, options = requests(load_task("gsm8k", section()), limit=1)[0]
    assert context.count("####") == 5 and context.endswith("Answer:")
    assert "Question:" in options["until"]


@pytest.mark.parametrize("name", WRITTEN)
def test_local_files_in_hub_names_give_the_same_task(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    for split, file in BENCHMARKS[name].authored.items():
        (folder / f"{split}.jsonl").write_bytes((AUTHORED / file).read_bytes())
    local = load_task(name, section(source="local", local=str(tmp_path)))
    assert requests(local) == requests(load_task(name, section()))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("trivia", {}, "unknown benchmark 'trivia': expected one of lambada_openai"),
        ("arc_challenge", {}, "no authored set for it; leave it out of benchmarks.tasks"),
        ("arc_easy", {"source": "local"}, "source is local, but benchmarks.local is not set"),
        ("arc_easy", {"source": "local", "local": "/no"}, r"expected .*arc_easy/test\.jsonl"),
    ],
)
def test_what_cannot_be_had_is_named(name, changes, message):
    with pytest.raises(TaskError, match=message):
        load_task(name, section(**changes))


def test_broken_file_is_named(tmp_path):
    folder = tmp_path / "arc_easy"
    folder.mkdir()
    (folder / "test.jsonl").write_text("{")
    with pytest.raises(TaskError, match=r"arc_easy: the documents cannot be loaded.*local"):
        load_task("arc_easy", section(source="local", local=str(tmp_path)))


def test_hub_out_of_reach_says_what_to_set(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", Path(tmp_path))
    with pytest.raises(TaskError, match="set benchmarks.source to authored"):
        load_task("arc_easy", section(source="hub"))
