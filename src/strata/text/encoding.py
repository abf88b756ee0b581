"""From documents to token files: the tokenizer, and one pass that fills both splits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer
from tqdm import tqdm

from strata import hub, paths
from strata.locks import locked
from strata.params.corpus import CorpusParams, HubTokenizer
from strata.records import sha256, write_json, write_text
from strata.text.bpe import END, train_bpe
from strata.text.corpus import documents, held_out, origin
from strata.text.passages import TextError
from strata.text.tokens import TokenStore, TokenWriter

TOKENIZER = "tokenizer.json"
RECORD = "record.json"
SPLITS = ("train", "validation")
CHECKPOINT_EVERY = 2000


class Corpus(NamedTuple):
    """Both splits of a tokenised corpus, its tokenizer, and the record of what it is."""

    train: TokenStore
    validation: TokenStore
    tokenizer: Tokenizer
    record: dict[str, Any]


def corpus_folder(profile: str) -> Path:
    """Where a profile's tokenizer and token files lie."""
    return paths.ROOT / "data" / "tokens" / profile


def open_corpus(params: CorpusParams, folder: Path) -> Corpus:
    """Open the tokenised corpus in `folder`, made now if it is not there or of other parameters.

    One process makes it. Others that ask meanwhile, as under torchrun, wait.

    Raises:
        TextError: the files are damaged, or the corpus cannot be had.
    """
    with locked(f"{folder.name}-tokens", f"tokens in {folder}"):
        record = _record(params, folder)
        if record is None:
            (folder / RECORD).unlink(missing_ok=True)
            record = encode(params, folder)
            made = {"params": params.model_dump(mode="json"), "record": record}
            write_json(folder / RECORD, made)
    digest = sha256(folder / TOKENIZER)
    stores = [TokenStore.open(folder / f"{split}.tokens", digest) for split in SPLITS]
    return Corpus(*stores, Tokenizer.from_file(str(folder / TOKENIZER)), record)


def _record(params: CorpusParams, folder: Path) -> dict[str, Any] | None:
    """What the corpus in a folder is; None if it is of other parameters or not there."""
    file = folder / RECORD
    made = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return made["record"] if made.get("params") == params.model_dump(mode="json") else None


def encode(params: CorpusParams, folder: Path) -> dict[str, Any]:
    """Tokenise the corpus into `folder`; return the record of what it is.

    Interrupted, it carries on at the last checkpoint. Every document ends with the end token. One
    that is spelt out in a document is text.

    Raises:
        TextError: the source cannot be read, or a split would be empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(params, folder / TOKENIZER)
    digest = sha256(folder / TOKENIZER)
    end = tokenizer.token_to_id(END)
    tokenizer.encode_special_tokens = True
    writers = {
        split: TokenWriter(
            folder / f"{split}.tokens", params.vocabulary, digest, params.model_dump_json()
        )
        for split in SPLITS
    }
    position = min(writer.position for writer in writers.values())
    texts = tqdm(documents(params, position), "tokenise", initial=position, unit=" documents")
    for count, text in enumerate(texts, start=position + 1):
        writer = writers["validation" if held_out(text, params.validation_fraction) else "train"]
        if count > writer.position:
            writer.append([*tokenizer.encode(text).ids, end])
        if count % CHECKPOINT_EVERY == 0:
            for each in writers.values():
                each.checkpoint(count)
    stores = {split: writer.finish() for split, writer in writers.items()}
    for split, store in stores.items():
        if not len(store):
            raise TextError(f"corpus: the {split} split is empty; set corpus.max_documents higher")
    facts = {
        split: {**store.header, "sha256": sha256(store.path)} for split, store in stores.items()
    }
    return {**origin(params), "tokenizer": params.tokenizer, **facts}


def _tokenizer(params: CorpusParams, file: Path) -> Tokenizer:
    """The published tokenizer from the hub, or a byte-level BPE trained on the corpus's start."""
    if params.tokenizer == "hub":
        source = params.hub_tokenizer
        tokenizer = _published(source)
    else:
        tokenizer = train_bpe(_sample(params), params.vocabulary, [END])
    if tokenizer.get_vocab_size() > params.vocabulary:
        raise TextError(
            f"corpus.vocabulary: {params.vocabulary} is smaller than the tokenizer's "
            f"{tokenizer.get_vocab_size()}"
        )
    if tokenizer.token_to_id(END) is None:
        raise TextError(f"corpus.hub_tokenizer: the tokenizer has no {END}")
    write_text(file, tokenizer.to_str(pretty=True))
    return tokenizer


def _published(source: HubTokenizer) -> Tokenizer:
    try:
        return Tokenizer.from_pretrained(source.repository, revision=source.revision)
    except Exception as error:
        raise TextError(
            f"corpus: cannot read the tokenizer {source.repository} from the hub "
            f"({hub.reason(error)}). Check the network, or set corpus.tokenizer to train"
        ) from error


def _sample(params: CorpusParams) -> Iterator[str]:
    """Training documents until the tokenizer's budget of bytes is spent."""
    left = params.tokenizer_bytes
    for text in documents(params):
        if left <= 0:
            return
        if not held_out(text, params.validation_fraction):
            yield text
            left -= len(text.encode())
