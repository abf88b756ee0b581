"""Harness tasks from authored and local files: the harness's own prompts on other documents."""

import json
import os
from pathlib import Path

import pytest

from strata.params.benchmarks import BenchmarkParams
from strata.tasks import BENCHMARKS, TaskError, describe, load_task
from strata.tasks.benchmarks import AUTHORED, record
from strata.tasks.rows import json_lines

NOWHERE = "data/nowhere"
WRITTEN = [name for name, benchmark in BENCHMARKS.items() if benchmark.authored]


def section(**changes):
    plain = {"source": "authored", "tasks": ["lambada_openai"]}
    return BenchmarkParams(**plain | changes)


def requests(task, limit=4):
    task.build_all_requests(limit=limit, rank=0, world_size=1)
    return [instance.args for instance in task.instances]


@pytest.mark.parametrize("name", WRITTEN)
def test_authored_sets_become_harness_tasks(name):
    task = load_task(name, section(), NOWHERE)
    made = requests(task)
    assert made and all(isinstance(part, str) for part in made[0][:1])
    facts = describe(name, task, section())
    assert facts["documents"] == len(list(task.eval_docs)) >= 80
    assert facts == describe(name, load_task(name, section(), NOWHERE), section())


def test_prompts_are_the_harness_s_own():
    science = json.loads((AUTHORED / "science.jsonl").read_text().splitlines()[0])
    first = requests(load_task("arc_easy", section(), NOWHERE))[0]
    assert first == (
        f"Question: {science['question']}\nAnswer:",
        f" {science['choices']['text'][0]}",
    )
    text = json.loads((AUTHORED / "lambada.jsonl").read_text().splitlines()[0])["text"]
    assert "".join(requests(load_task("lambada_openai", section(), NOWHERE))[0]) == text


def test_documents_are_processed_once():
    task = load_task("hellaswag", section(), NOWHERE)
    assert task.eval_docs is task.eval_docs
    assert {"query", "choices", "gold"} <= set(task.eval_docs[0])


def test_arithmetic_shows_worked_examples_and_never_asks_them():
    context, options = requests(load_task("gsm8k", section(), NOWHERE), limit=1)[0]
    assert context.count("####") == 5 and context.endswith("Answer:")
    assert "Question:" in options["until"]


def copied(name, folder):
    """Authored files where a local copy of the hub's would be."""
    (folder / "benchmarks" / name).mkdir(parents=True)
    for split, file in BENCHMARKS[name].authored.items():
        (folder / "benchmarks" / name / f"{split}.jsonl").write_bytes(
            (AUTHORED / file).read_bytes()
        )
    return folder / "benchmarks" / name


@pytest.mark.parametrize("name", WRITTEN)
def test_local_files_in_hub_names_give_the_same_task(name, tmp_path):
    copied(name, tmp_path)
    local = load_task(name, section(source="hub"), str(tmp_path))
    assert requests(local) == requests(load_task(name, section(), NOWHERE))


def test_a_changed_file_of_the_same_age_is_read_anew_and_changes_the_record(tmp_path):
    (file,) = copied("winogrande", tmp_path).iterdir()
    hub, before = section(source="hub"), file.stat()
    first = record("winogrande", hub, str(tmp_path))
    assert first["documents"] == len(file.read_text().splitlines())
    rows = [json.loads(line) | {"answer": "1"} for line in file.read_text().splitlines()]
    file.write_text("\n".join(map(json.dumps, rows)))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    task = load_task("winogrande", hub, str(tmp_path))
    assert {row["answer"] for row in task.eval_docs} == {"1"}
    assert record("winogrande", hub, str(tmp_path))["sha256"] != first["sha256"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trivia", "unknown benchmark 'trivia': expected one of lambada_openai"),
        ("arc_challenge", "no authored set for it; leave it out of benchmarks.tasks"),
    ],
)
def test_what_cannot_be_had_is_named(name, message):
    with pytest.raises(TaskError, match=message):
        load_task(name, section(), NOWHERE)


def test_broken_file_is_named(tmp_path):
    (file,) = copied("arc_easy", tmp_path).iterdir()
    file.write_text("{")
    with pytest.raises(TaskError, match=r"test.jsonl, row 1: not valid JSON"):
        load_task("arc_easy", section(source="hub"), str(tmp_path))


def test_only_a_newline_ends_a_row(tmp_path):
    file = tmp_path / "rows.jsonl"
    rows = [{"text": "line\u2028separator"}, {"text": "next\x85line"}]
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    assert json_lines(file) == rows


def test_hub_out_of_reach_says_what_to_set(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", Path(tmp_path))
    with pytest.raises(TaskError, match="set benchmarks.source to authored"):
        load_task("arc_easy", section(source="hub"), NOWHERE)
