"""Folders that people bring: what is read, what is skipped, what is one clear error."""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from strata import params
from strata.text import TextError, corpus, encoding, open_corpus
from strata.text.bpe import END


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "folder with a (strange) name, a=b"
    root.mkdir()
    for number in range(30):
        (root / f"{number}.txt").write_text(f"document {number} says plain words " * 5)
    return root


@pytest.fixture
def local(folder):
    changes = {"source": "local", "local": str(folder), "validation_fraction": 0.3}
    return params.compose("smoke").corpus.model_copy(update=changes)


def texts(section):
    return set(corpus.documents(section))


def test_only_regular_readable_files_are_read_and_the_rest_is_counted(
    local, folder, tmp_path, monkeypatch
):
    expected = texts(local)
    assert "skipped" not in corpus.origin(local)
    (folder / "chapter.md").mkdir()
    (folder / "gone.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.txt")
    (folder / "secret.txt").write_text("not for this user")
    readable = os.access
    monkeypatch.setattr(
        os, "access", lambda file, mode: file.name != "secret.txt" and readable(file, mode)
    )
    assert texts(local) == expected
    assert open_corpus(local, tmp_path / "tokens").record["skipped"] == 4


def test_a_byte_order_mark_is_no_text(local, folder):
    expected = texts(local)
    file = folder / "0.txt"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert texts(local) == expected


def test_what_cannot_be_decoded_is_named(local, folder, tmp_path):
    (folder / "latin.md").write_bytes("café".encode("latin-1"))
    with pytest.raises(TextError, match=r"latin.md is not UTF-8 text \(.* at byte 3\)"):
        open_corpus(local, tmp_path / "tokens")


def test_an_end_token_spelt_out_is_text(local, folder, tmp_path):
    for file in folder.iterdir():
        file.write_text(f"{file.stem} before {END} after")
    made = open_corpus(local, tmp_path / "tokens")
    end = made.tokenizer.token_to_id(END)
    for store in (made.train, made.validation):
        documents = [store.document(i).tolist() for i in range(len(store))]
        assert all(ids.index(end) == len(ids) - 1 for ids in documents)
        assert all(END in made.tokenizer.decode(ids[:-1]) for ids in documents)


def opened_slowly(section, folder):
    texts = encoding.documents
    encoding.documents = lambda *asked: (time.sleep(0.02) or text for text in texts(*asked))
    return open_corpus(section, folder)


def test_processes_that_ask_at_once_get_what_one_would_write(local, tmp_path):
    one = open_corpus(local, tmp_path / "one")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as processes:
        asked = [processes.submit(opened_slowly, local, tmp_path / "two") for _ in range(2)]
        records = [each.result()[3] for each in asked]
    assert records == [one.record] * 2
    for store in (one.train, one.validation):
        assert (tmp_path / "two" / store.path.name).read_bytes() == store.path.read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "hub"}, "cannot read allenai/dolmino.* set corpus.source to local or stdlib"),
        (
            {"tokenizer": "hub"},
            "cannot read the tokenizer allenai/.* corpus.tokenizer to train",
        ),
    ],
)
def test_hub_out_of_reach_says_what_to_set(local, tmp_path, monkeypatch, changes, message):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    section = local.model_copy(update=changes)
    with pytest.raises(TextError, match=message):
        open_corpus(section, tmp_path / "tokens")
    assert not (tmp_path / "tokens" / encoding.RECORD).exists()
