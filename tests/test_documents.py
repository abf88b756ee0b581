"""Benchmarks that people bring: any harness task by name, and bad rows, named in time."""

import json

import pytest
from conftest import tiny
from transformers import AutoTokenizer

from strata import params
from strata.models import LoadedModel, materialise
from strata.painters.harness import SweepLM, per_item
from strata.painters.subjects import likelihood_tasks
from strata.params.benchmarks import BenchmarkParams
from strata.schedules import full, skip
from strata.tasks import BENCHMARKS, TaskError, describe, guess, load_task
from strata.tasks.benchmarks import AUTHORED, record
from strata.tasks.rows import json_lines

HUB = BenchmarkParams(source="hub", tasks=["piqa"])
OPTIONS = {"text": ["red", "blue", "green"], "label": ["A", "B", "C"]}
BY_NAME = {
    "piqa": ("validation", {"goal": "Sit.", "sol1": "on a chair", "sol2": "on air", "label": 0}),
    "boolq": ("validation", {"passage": "Snow is cold.", "question": "is it", "label": 1}),
    "openbookqa": ("test", {"question_stem": "Grass is", "choices": OPTIONS, "answerKey": "C"}),
    "sciq": (
        "test",
        {"support": "", "question": "Why?", "correct_answer": "So."}
        | {f"distractor{i}": f"No {i}." for i in (1, 2, 3)},
    ),
    "copa": (
        "validation",
        {"premise": "It rained.", "choice1": "We got wet.", "choice2": "We slept.", "label": 0}
        | {"question": "effect"},
    ),
}


def written(folder, name, split, rows, encoding="utf-8"):
    file = folder / "benchmarks" / name / f"{split}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join(lines), encoding)
    return file


@pytest.mark.parametrize(
    ("name", "chance"),
    [("piqa", 1 / 2), ("boolq", 1 / 2), ("openbookqa", 1 / 3), ("sciq", 1 / 4), ("copa", 1 / 2)],
)
def test_any_task_answered_by_likelihood_is_read_from_its_own_split(tmp_path, name, chance):
    split, row = BY_NAME[name]
    written(tmp_path, name, split, [row] * 3)
    task = load_task(name, HUB, str(tmp_path))
    assert guess(name, task, task.eval_docs[0]) == chance
    facts = describe(name, task, HUB)
    assert facts["documents"] == 3 and "revision" not in facts
    assert record(name, HUB, str(tmp_path))["documents"] == 3


def test_a_task_by_name_is_swept_and_its_guessing_goes_with_every_item(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(
        materialise("anatomy_model", params.compose("smoke").anatomy_model)[0]
    )
    model = tiny("llama")
    model.resize_token_embeddings(len(tokenizer))
    split, row = BY_NAME["openbookqa"]
    written(tmp_path, "openbookqa", split, [row] * 3)
    lm = SweepLM(LoadedModel(model, tokenizer, {}), [full(6), skip(6, 2)], batch_size=4)
    task = load_task("openbookqa", HUB, str(tmp_path))
    items = per_item({"openbookqa": task}, lm, ["full", "skip"], range(2))
    assert len(items) == 4 and set(items["guess"]) == {1 / 3}
    assert {"acc", "acc_norm"} <= set(items.columns)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trivia", "unknown benchmark 'trivia': expected one of lambada_openai"),
        (
            "wikitext",
            "wikitext: expected a task whose output is .* found loglikelihood_rolling",
        ),
        ("nq_open", "nq_open: expected a task .* found generate_until"),
        ("mmlu", "unknown benchmark 'mmlu'"),
    ],
)
def test_a_task_that_likelihood_does_not_judge_is_named(tmp_path, name, message):
    with pytest.raises(TaskError, match=message):
        load_task(name, HUB, str(tmp_path))


def test_a_task_that_generates_is_no_benchmark_of_likelihood():
    settings = params.compose("smoke")
    tasks = settings.benchmarks.model_copy(update={"tasks": ["gsm8k"]})
    with pytest.raises(TaskError, match="benchmarks.tasks: gsm8k asks for generate_until"):
        likelihood_tasks(settings.model_copy(update={"benchmarks": tasks}))


def changed(folder, name, number, **changes):
    """A local copy of an authored set; a field set to ... is missing from the changed row."""
    ((split, file),) = BENCHMARKS[name].authored.items()
    rows = json_lines(AUTHORED / file)
    row = rows[number - 1] | changes
    rows[number - 1] = {field: value for field, value in row.items() if value is not ...}
    return written(folder, name, split, rows)


@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("arc_easy", {"answerKey": "E"}, "field 'answerKey', 'choices': the harness cannot read"),
        ("arc_easy", {"answerKey": ""}, "field 'answerKey', 'choices': the harness cannot read"),
        ("arc_easy", {"question": None}, "field 'question': expected a value, found None"),
        ("arc_easy", {"question": ...}, "expected a field 'question', found answerKey, choices"),
        (
            "arc_easy",
            {"choices": {"text": ["a", "b", "c"], "label": ["A", "B", "C", "D"]}},
            "field 'choices': expected lists of one length",
        ),
        ("hellaswag", {"label": "-1"}, "field 'label': expected one of 4 choices, 0 to 3, found"),
        ("hellaswag", {"label": "4"}, "field 'label': expected one of 4 choices, 0 to 3, found 4"),
        ("hellaswag", {"label": ""}, "field 'label': the harness cannot read ''"),
        ("hellaswag", {"endings": ["one"]}, "field 'choices': expected two or more choices"),
        ("hellaswag", {"endings": ["a", "b", " ", "d"]}, "field 'choices': expected two or more"),
        ("winogrande", {"answer": "3"}, "field 'sentence', .*'answer': the harness cannot read"),
        ("winogrande", {"sentence": "No gap."}, "field 'sentence', .*: the harness cannot read"),
        ("winogrande", {"sentence": "A gap _"}, "field 'sentence', .*: expected an answer, found"),
        ("lambada_openai", {"text": "word "}, "field 'text': expected an answer, found ' '"),
    ],
)
def test_a_bad_row_is_named_with_its_field(tmp_path, name, number, changes, message):
    file = changed(tmp_path, name, number, **changes)
    with pytest.raises(TaskError, match=rf"{file.name}, row {number}: {message}"):
        load_task(name, HUB, str(tmp_path))


def test_a_field_of_two_kinds_is_named(tmp_path):
    changed(tmp_path, "winogrande", 2, answer=2)
    with pytest.raises(TaskError, match="row 2: field 'answer': 2 is not of row 1's kind"):
        load_task("winogrande", HUB, str(tmp_path))


def test_a_task_s_answer_keys_may_be_words_or_places(tmp_path):
    split, row = BY_NAME["piqa"]
    for label, good in ((1, True), (2, False), (-1, False), ("on air", True), ("on ice", False)):
        written(tmp_path, "piqa", split, [row | {"label": label}])
        if good:
            assert load_task("piqa", HUB, str(tmp_path)).eval_docs[0]["label"] == label
        else:
            with pytest.raises(TaskError, match="row 1: field 'label': expected one of 2 choices"):
                load_task("piqa", HUB, str(tmp_path))


def test_dates_and_odd_line_ends_stay_text_and_a_byte_order_mark_is_none(tmp_path):
    split, row = BY_NAME["piqa"]
    goal = "Wait until 2024-02-29T12:00:00\u2028or\x85so."
    rows = [row | {"goal": goal, "id": "2024-01-02"}, row | {"id": "2024-01-03 04:05:06"}]
    written(tmp_path, "piqa", split, rows, "utf-8-sig")
    task = load_task("piqa", HUB, str(tmp_path))
    assert task.eval_docs.to_list() == rows and goal in task.doc_to_text(task.eval_docs[0])
    assert describe("piqa", task, HUB)["documents"] == 2


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    split, row = BY_NAME["piqa"]
    file = written(tmp_path, "piqa", split, [row | {"goal": "café"}], "latin-1")
    with pytest.raises(TaskError, match=f"{file.name}: cannot be read as UTF-8 text"):
        load_task("piqa", HUB, str(tmp_path))
