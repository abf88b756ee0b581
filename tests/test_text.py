"""Authored text is what its note says; passages and batches are cut and padded as documented."""

import pytest
from transformers import AutoTokenizer

from strata import paths
from strata.models import materialise
from strata.params import compose, read
from strata.text import TextError, batches, read_passages, read_text
from strata.text.passages import record

AUTHORED = paths.ROOT / "data" / "authored"


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(
        materialise("anatomy_model", compose("smoke").anatomy_model)[0]
    )


def section(**changes):
    return read(paths.PARAMS).evaluation_text.model_copy(update=changes)


def passages(**changes):
    return read_text(section(**changes), "evaluation_text", "data/nowhere")


@pytest.mark.parametrize(
    ("name", "least", "words"), [("sentences", 400, 8), ("paragraphs", 60, 60)]
)
def test_authored_text_is_plentiful_and_distinct(name, least, words):
    lines = (AUTHORED / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) >= least == len(set(lines[:least]))
    assert all(line == line.strip() and len(line.split()) >= words for line in lines)


def test_wikitext_headings_and_short_lines_are_left_out(tmp_path):
    file = tmp_path / "wiki.test.raw"
    long = "this line of plain text holds more than ten words in all"
    file.write_text(
        f" \n = A heading that is long enough to be counted as prose = \n {long} \n short .\n"
    )
    assert passages(source="path", path=str(file)) == [long]
    assert section(source="path", path=str(file)).title == "wiki.test.raw"


def test_only_a_newline_ends_a_passage_and_a_byte_order_mark_is_no_text(tmp_path):
    words = "words " * 10
    lines = [f"{words}{mark} more" for mark in "\u2028\u2029\x85\x0b\x0c\x1c\r"]
    file = tmp_path / "odd.txt"
    file.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    assert passages(source="path", path=str(file)) == lines


def test_a_local_copy_is_read_in_place_of_the_hub_and_recorded_alike(tmp_path, monkeypatch):
    (tmp_path / "wikitext2").mkdir()
    copy = tmp_path / "wikitext2" / "wiki.test.raw"
    lines = [f"line {number} of a text that has ten words in all" for number in range(3)]
    copy.write_text("\n".join(lines))
    hub = section(source="hub")
    assert read_text(hub, "evaluation_text", str(tmp_path)) == lines
    local = record(hub, "evaluation_text", str(tmp_path))
    monkeypatch.setattr("strata.hub.load", lambda *_, **__: {"text": [*lines, " = Title = "]})
    assert record(hub, "evaluation_text", str(tmp_path / "none")) == local
    copy.write_text("\n".join(lines[:2]))
    assert record(hub, "evaluation_text", str(tmp_path)) != local


def test_text_is_named_beside_numbers():
    assert section().title == "authored"
    assert section(source="hub").title == "Salesforce/wikitext wikitext-2-raw-v1 test"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "path"}, "source is path, but path is not set"),
        ({"source": "path", "path": "/nowhere.txt"}, "evaluation_text.path: cannot read"),
        ({"authored": "data/authored/none.txt"}, "evaluation_text.authored: cannot read"),
    ],
)
def test_unreadable_text_is_named(changes, message):
    with pytest.raises(TextError, match=message):
        passages(**changes)


def test_empty_text_is_refused(tmp_path):
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(TextError, match="holds no passage"):
        passages(source="path", path=str(tmp_path / "empty.txt"))


def test_batches_cover_every_passage_once_and_pad_on_the_right(tokenizer):
    settings = read(paths.PARAMS)
    few = settings.evaluation_text.model_copy(update={"max_passages": 25})
    passages = read_passages(settings.model_copy(update={"evaluation_text": few}))
    made = batches(passages, tokenizer, batch_size=8, max_tokens=20)
    assert sorted(row for batch in made for row in batch.rows) == list(range(25))
    for batch in made:
        for row, ids, mask in zip(batch.rows, batch.ids_BxL, batch.mask_BxL, strict=True):
            expected = tokenizer(passages[row], add_special_tokens=False)["input_ids"][:20]
            assert ids[: len(expected)].tolist() == expected
            assert mask.sum() == len(expected) and not mask[len(expected) :].any()


def test_a_special_token_spelt_out_in_a_passage_is_text(tokenizer):
    (batch,) = batches([f"one {tokenizer.eos_token} two"], tokenizer, 8, 64)
    assert tokenizer.eos_token_id not in batch.ids_BxL
    assert tokenizer.decode(batch.ids_BxL[0]) == f"one {tokenizer.eos_token} two"


def test_passage_of_one_token_is_refused(tokenizer):
    with pytest.raises(TextError, match="passage 2 has 1 tokens"):
        batches(["two words", "a"], tokenizer, 8, 20)
