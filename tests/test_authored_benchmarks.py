"""The authored benchmark sets: counts, the hub's schema, balance, no repetition, sums."""

import json
import re
from collections import Counter

import pytest

from strata import paths

FOLDER = paths.ROOT / "data" / "authored" / "benchmarks"
COUNTS = {
    "lambada": 120,
    "science": 100,
    "completions": 100,
    "winogrande": 200,
    "arithmetic": 80,
    "arithmetic_examples": 5,
}


def rows(name):
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def balanced(labels, kinds):
    counts = Counter(labels)
    assert set(counts) == set(kinds) and max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("name", COUNTS)
def test_sets_are_large_enough_ascii_and_never_repeat(name):
    items = rows(name)
    assert len(items) >= COUNTS[name]
    assert len({json.dumps(item, sort_keys=True) for item in items}) == len(items)
    assert (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").isascii()


def test_lambada_ends_on_a_word_that_the_passage_holds():
    for row in rows("lambada"):
        assert row.keys() == {"text"}
        *body, last = row["text"].split(" ")
        assert last.isalpha() and len(body) >= 30, row
        words = set(re.findall(r"[a-z]+", " ".join(body).lower()))
        assert any(last.lower() in word for word in words), last


def test_science_has_the_schema_of_arc():
    items = rows("science")
    for row in items:
        assert row.keys() == {"id", "question", "choices", "answerKey"}
        assert row["choices"]["label"] == ["A", "B", "C", "D"]
        assert len(set(row["choices"]["text"])) == 4 and row["question"].endswith("?")
    assert len({row["id"] for row in items}) == len({row["question"] for row in items})
    balanced([row["answerKey"] for row in items], "ABCD")


def test_completions_have_the_schema_of_hellaswag():
    items = rows("completions")
    for row in items:
        assert row.keys() == {"activity_label", "ctx_a", "ctx_b", "ctx", "endings", "label"}
        assert row["ctx"] == f"{row['ctx_a']} {row['ctx_b']}".strip()
        assert len(set(row["endings"])) == 4
    assert len({row["ctx"] for row in items}) == len(items)
    balanced([row["label"] for row in items], "0123")


def test_winogrande_comes_in_twins_whose_one_difference_flips_the_answer():
    items = rows("winogrande")
    for row in items:
        assert row.keys() == {"sentence", "option1", "option2", "answer"}
        assert row["sentence"].count("_") == 1 and row["option1"] != row["option2"]
    for one, two in zip(items[::2], items[1::2], strict=True):
        assert (one["option1"], one["option2"]) == (two["option1"], two["option2"])
        assert {one["answer"], two["answer"]} == {"1", "2"}
        left, right = one["sentence"].split(), two["sentence"].split()
        assert len(left) == len(right) and sum(map(str.__ne__, left, right)) == 1
    balanced([row["answer"] for row in items], "12")


@pytest.mark.parametrize("name", ["arithmetic", "arithmetic_examples"])
def test_arithmetic_is_right_and_ends_on_its_answer(name):
    for row in rows(name):
        assert row.keys() == {"question", "answer"}
        work, answer = row["answer"].split("\n#### ")
        steps = re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", work)
        assert 1 <= len(steps) <= 2, row
        for left, sign, right, result in steps:
            a, b = int(left), int(right)
            assert {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign] == int(result), row
        assert steps[-1][-1] == answer, row


def test_examples_shown_are_not_asked():
    asked = {row["question"] for row in rows("arithmetic")}
    assert not asked & {row["question"] for row in rows("arithmetic_examples")}
