"""GLUE on disk: what is authored, what is refused, row by row."""

import json
import runpy

import pytest

from strata import paths
from strata.params import ParamsError
from strata.params.benchmarks import GlueItems
from strata.params.composing import _checked
from strata.tasks import TaskError
from strata.tasks.glue import AUTHORED_GLUE, GLUE, read_glue, record

SECTION = "painters_glue"
NOWHERE = "data/nowhere"
ALL = GlueItems(train=1000, validation=1000)


@pytest.mark.parametrize("task", ["cola", "sst2", "mrpc", "rte"])
def test_authored_tasks_are_what_their_script_writes(task, section):
    written = runpy.run_path(str(AUTHORED_GLUE / "write.py"))
    for split in ("train", "validation"):
        lines = (AUTHORED_GLUE / task / f"{split}.jsonl").read_text().splitlines()
        assert [json.loads(line) for line in lines] == written["rows"](task, split)
    found = read_glue(task, section, ALL, NOWHERE)
    assert len(found.train.texts) >= 160 and len(found.validation.texts) >= 80
    for split in (found.train, found.validation):
        assert split.labels_N.mean() == 0.5
    assert not set(found.train.texts) & set(found.validation.texts)


def few(section):
    return read_glue("mrpc", section, GlueItems(train=30, validation=9), NOWHERE)


def test_rows_are_drawn_without_repetition_and_reproducibly(section):
    one, two = (few(section) for _ in range(2))
    assert one.facts == two.facts and one.train.texts == two.train.texts
    assert len(set(one.train.texts)) == 30
    assert one.facts["items"]["train"] == {"drawn": 30, "rows": 240}


def local_copy(section, folder, task, change, split="train"):
    """A local copy of an authored task with one split changed; parameters that read it."""
    place = folder / "benchmarks" / "glue" / task
    place.mkdir(parents=True)
    for file in (AUTHORED_GLUE / task).glob("*.jsonl"):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        if file.stem == split:
            rows = change(rows)
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (place / file.name).write_text("\n".join(lines))
    return section.model_copy(update={"source": "hub"})


def with_row(number, **changes):
    """Row `number` changed; a field set to None is left out."""

    def change(rows):
        row = rows[number - 1] | changes
        rows[number - 1] = {key: value for key, value in row.items() if value is not None}
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_row(3, sentence2=None), r"rte/train.jsonl, row 3: expected a field 'sentence2', fo"),
        (with_row(4, label=None), r"train.jsonl, row 4: expected a field 'label', found sentence1"),
        (with_row(5, label=2), r"row 5: field 'label': expected an integer from 0 to 1, found 2"),
        (with_row(6, label="1"), r"row 6: field 'label': expected an integer .*, found '1'"),
        (with_row(7, label=0.5), r"row 7: field 'label': expected an integer .*, found 0.5"),
        (with_row(8, sentence1=" "), r"row 8: field 'sentence1': expected text, found ' '"),
        (lambda rows: [*rows[:1], "{"], r"train.jsonl, row 2: not valid JSON"),
        (lambda rows: [*rows[:1], "3"], r"train.jsonl, row 2: expected an object"),
        (lambda rows: rows[:1], r"train.jsonl: expected at least two rows, found 1"),
        (
            lambda rows: [row for row in rows if row["label"] == 1],
            r"rte/train.jsonl, rows 1 to 120: field 'label' is 1 in each of the 120 drawn",
        ),
    ],
)
def test_bad_rows_are_one_clear_error(section, tmp_path, change, message):
    local = local_copy(section, tmp_path, "rte", change)
    with pytest.raises(TaskError, match=message):
        read_glue("rte", local, ALL, str(tmp_path))


def test_scores_may_be_any_number_but_not_text(section, tmp_path):
    def scored(rows):
        return [row | {"label": 0.5 * i} for i, row in enumerate(rows)]

    copied = local_copy(section, tmp_path, "mrpc", scored)
    folder = tmp_path / "benchmarks" / "glue"
    (folder / "mrpc").rename(folder / "stsb")
    scores = read_glue("stsb", copied, ALL, str(tmp_path)).train.labels_N
    assert scores[:3].tolist() == [0.0, 0.5, 1.0]
    file = folder / "stsb" / "train.jsonl"
    file.write_text(file.read_text().replace('"label": 1.0', '"label": "high"', 1))
    with pytest.raises(TaskError, match=r"row 3: field 'label': expected a number, found 'high'"):
        read_glue("stsb", copied, ALL, str(tmp_path))


def test_published_gaps_of_qqp_are_left_out_and_counted(section, tmp_path):
    for split in ("train", "validation"):
        rows = [
            {"question1": f"Is {i} odd?", "question2": "Is it?", "label": i % 2} for i in (1, 2)
        ]
        rows.insert(1, {"question1": "Is it?", "question2": "", "label": 0})
        file = tmp_path / "benchmarks" / "glue" / "qqp" / f"{split}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(map(json.dumps, rows)))
    hub = section.model_copy(update={"source": "hub"})
    found = read_glue("qqp", hub, ALL, str(tmp_path))
    assert found.train.texts == [("Is 1 odd?", "Is it?"), ("Is 2 odd?", "Is it?")]
    counted = {"train": 1, "validation": 1}
    for facts in (found.facts, record("qqp", hub, str(tmp_path))):
        assert facts["rows_with_an_empty_text_left_out"] == counted


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("snli", "unknown GLUE task 'snli': expected one of cola"),
        ("stsb", "no authored set for it; leave it out of painters_glue.tasks"),
    ],
)
def test_what_cannot_be_had_is_named(section, task, message):
    with pytest.raises(TaskError, match=message):
        read_glue(task, section, ALL, NOWHERE)


def test_a_copy_is_recorded_as_what_it_copies(section, tmp_path):
    same = local_copy(section, tmp_path, "rte", lambda rows: rows)
    original, copied = record("rte", section, NOWHERE), record("rte", same, str(tmp_path))
    assert copied["sha256"] == original["sha256"] and copied["documents"] == 336


def test_hub_out_of_reach_says_what_to_set(section, monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(TaskError, match="set painters_glue.source to authored"):
        read_glue("rte", section.model_copy(update={"source": "hub"}), ALL, NOWHERE)


def test_fine_tuning_cannot_ask_for_what_is_not_there(settings):
    content = settings.model_dump()
    content["painters_glue"]["finetuned"]["affected"] = [7]
    with pytest.raises(ParamsError, match=r"finetuned.affected must be among affected"):
        _checked(content, paths.PARAMS)


def test_every_task_of_glue_has_fields_and_metrics():
    assert all(task.fields and task.metrics and task.labels for task in GLUE.values())
