"""Token files: what goes in comes out, damage is found, splits never share a document."""

import numpy as np
import pytest
from faults import FAULTS, Process
from hypothesis import given
from hypothesis import strategies as st

from strata import params
from strata.text import TextError, TokenStore, corpus, encoding, open_corpus
from strata.text.as_published import document_as_published, read_as_published, write_as_published
from strata.text.tokens import TokenWriter

DIGEST = "0" * 64
DOCUMENTS = [[1, 2, 3], [], [4], list(range(5, 25))]


def written(path, documents=DOCUMENTS, vocabulary=300):
    writer = TokenWriter(path, vocabulary, DIGEST, "test")
    for document in documents:
        writer.append(document)
    return writer.finish()


@pytest.fixture(scope="module")
def section():
    return params.compose("smoke").corpus


@pytest.fixture
def folder(tmp_path):
    """A local corpus with a duplicate."""
    root = tmp_path / "texts"
    root.mkdir()
    for number in range(60):
        (root / f"{number}.txt").write_text(f"document {number % 50} says plain words " * 5)
    return root


@given(st.lists(st.lists(st.integers(0, 299), max_size=20), max_size=10))
def test_documents_come_back_as_written(tmp_path_factory, documents):
    store = written(tmp_path_factory.mktemp("store") / "x.tokens", documents)
    assert [store.document(i).tolist() for i in range(len(store))] == documents


@pytest.mark.parametrize(("vocabulary", "dtype"), [(300, "<u2"), (65536, "<u2"), (65537, "<u4")])
def test_dtype_follows_the_vocabulary_and_is_in_the_header(tmp_path, vocabulary, dtype):
    store = written(tmp_path / "x.tokens", [[vocabulary - 1, 0]], vocabulary)
    assert store.header["dtype"] == dtype and store.tokens.tolist() == [vocabulary - 1, 0]


def test_another_dtype_or_tokenizer_is_refused_with_both_named(tmp_path):
    path = written(tmp_path / "x.tokens").path
    with pytest.raises(TextError, match="dtype <i4, but the file was written with <u2"):
        TokenStore.open(path, dtype="<i4")
    with pytest.raises(TextError, match=f"tokenizer_sha256 abc, .* with {DIGEST}"):
        TokenStore.open(path, tokenizer_sha256="abc")


@pytest.mark.parametrize("keep", [0, 5, 12, 60, -1])
def test_truncated_file_is_found_on_opening(tmp_path, keep):
    path = written(tmp_path / "x.tokens").path
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TextError, match="truncated|other data|header is"):
        TokenStore.open(path)


@pytest.mark.parametrize("place", [3, 10, 20, -1, -45])
def test_flipped_byte_is_found_on_opening(tmp_path, place):
    path = written(tmp_path / "x.tokens").path
    data = bytearray(path.read_bytes())
    data[place] ^= 255
    path.write_bytes(data)
    with pytest.raises(TextError, match="corrupt|truncated|other data"):
        TokenStore.open(path)


def test_missing_file_and_wrong_ids_are_named(tmp_path):
    with pytest.raises(TextError, match="x.tokens: cannot be read"):
        TokenStore.open(tmp_path / "x.tokens")
    with pytest.raises(TextError, match="ids from 3 to 300, expected 0 to 299"):
        written(tmp_path / "x.tokens", [[3, 300]])


def test_killed_writer_carries_on_at_its_checkpoint(tmp_path):
    whole = written(tmp_path / "whole.tokens").path.read_bytes()
    killed = TokenWriter(tmp_path / "x.tokens", 300, DIGEST, "test")
    for count, document in enumerate(DOCUMENTS[:3], start=1):
        killed.append(document)
        if count == 2:
            killed.checkpoint(count)
    again = TokenWriter(tmp_path / "x.tokens", 300, DIGEST, "test")
    assert again.position == 2
    for document in DOCUMENTS[again.position :]:
        again.append(document)
    assert again.finish().path.read_bytes() == whole
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_writer_killed_at_any_file_operation_ends_in_the_same_bytes(tmp_path):
    documents = [[number % 300] * (1 + number % 7) for number in range(2500)]

    def write(folder):
        writer = TokenWriter(folder / "x.tokens", 300, DIGEST, "test")
        for number in range(writer.position, len(documents)):
            writer.append(documents[number])
            if number == 1999:
                writer.checkpoint(number + 1)
        writer.finish()

    write(tmp_path / "whole")
    whole = (tmp_path / "whole" / "x.tokens").read_bytes()
    for at in range(1, 100):
        folder = tmp_path / str(at)
        ended = Process(lambda folder=folder: write(folder), [folder], FAULTS["kill"], at).end()
        write(folder)
        assert [file.name for file in folder.iterdir()] == ["x.tokens"]
        assert (folder / "x.tokens").read_bytes() == whole, f"killed before operation {at}"
        if ended.status == 0:
            break
    assert 8 < at < 99


def test_parts_shorter_than_their_progress_are_begun_anew(tmp_path):
    killed = TokenWriter(tmp_path / "x.tokens", 300, DIGEST, "test")
    killed.append(DOCUMENTS[0])
    killed.checkpoint(1)
    (tmp_path / ".x.tokens.ids").write_bytes(b"")
    again = TokenWriter(tmp_path / "x.tokens", 300, DIGEST, "test")
    again.append(DOCUMENTS[1])
    assert again.position == 0 and len(again.finish()) == 1


def test_killed_writer_of_another_source_starts_anew(tmp_path):
    killed = TokenWriter(tmp_path / "x.tokens", 300, DIGEST, "one corpus")
    killed.append(DOCUMENTS[0])
    killed.checkpoint(1)
    other = TokenWriter(tmp_path / "x.tokens", 300, DIGEST, "another corpus")
    other.append(DOCUMENTS[1])
    assert other.position == 0
    assert other.finish().document(0).tolist() == DOCUMENTS[1]


def test_local_folder_is_split_by_document_without_overlap(section, folder, tmp_path):
    local = section.model_copy(
        update={"source": "local", "local": str(folder), "validation_fraction": 0.3}
    )
    made = open_corpus(local, tmp_path / "tokens")
    assert len(made.train) + len(made.validation) == 40
    contents = [
        {store.document(i).tobytes() for i in range(len(store))}
        for store in (made.train, made.validation)
    ]
    assert not contents[0] & contents[1]
    first = made.tokenizer.decode(made.train.document(0).tolist())
    assert first.startswith("document ")


def test_interrupted_encoding_ends_in_the_same_bytes(section, folder, tmp_path, monkeypatch):
    local = section.model_copy(update={"source": "local", "local": str(folder)})
    monkeypatch.setattr(encoding, "CHECKPOINT_EVERY", 7)
    whole = open_corpus(local, tmp_path / "whole")
    texts = corpus.documents

    def failing(wanted, start=0):
        for number, text in enumerate(texts(wanted, start)):
            if number == 20:
                raise KeyboardInterrupt
            yield text

    monkeypatch.setattr(encoding, "train_bpe", lambda *_: whole.tokenizer)
    monkeypatch.setattr(encoding, "documents", failing)
    with pytest.raises(KeyboardInterrupt):
        open_corpus(local, tmp_path / "killed")
    seen = []
    monkeypatch.setattr(encoding, "documents", lambda p, s=0: seen.append(s) or texts(p, s))
    again = open_corpus(local, tmp_path / "killed")
    assert seen == [14]
    for ours, theirs in ((again.train, whole.train), (again.validation, whole.validation)):
        assert ours.path.read_bytes() == theirs.path.read_bytes()


def test_standard_library_is_a_corpus_and_its_record_names_the_python(section, tmp_path):
    small = section.model_copy(update={"max_documents": 20, "tokenizer_bytes": 20_000})
    made = open_corpus(small, tmp_path)
    assert made.record["source"] == "stdlib" and made.record["python"].startswith("3.")
    assert made.record["train"]["sha256"] != made.record["validation"]["sha256"]
    assert open_corpus(small, tmp_path).record == made.record


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "local"}, "source is local, but corpus.local is not set"),
        ({"source": "local", "local": "/nowhere"}, "holds no text file"),
        ({"max_documents": 1}, "split is empty"),
    ],
)
def test_impossible_corpus_says_what_to_set(section, tmp_path, changes, message):
    with pytest.raises(TextError, match=message):
        open_corpus(section.model_copy(update=changes), tmp_path)


def test_as_published_reader_is_an_independent_numpy_reading(tmp_path):
    tokens = np.arange(100, 110, dtype=np.uint16)
    file = tmp_path / "tokens.npy"
    write_as_published(file, tokens)
    expected = np.memmap(file, np.uint16, "r")
    ours = read_as_published(file, 50304)
    assert np.array_equal(ours, expected) and len(ours) == 64 + 20
    assert ours[64:].tolist() == [value for token in tokens for value in (token, 0)]
    assert ours.max() < 50304
    assert read_as_published(file, 512).max() < 512


def test_validation_is_read_with_opposite_parity_and_cut():
    document = np.arange(1, 100, dtype=np.uint16)
    assert document_as_published(document, 8).tolist() == [0, 1, 0, 2, 0, 3, 0, 4]
    assert document_as_published(document[:2], 8).tolist() == [0, 1, 0, 2]
