"""Evaluation passages and their token batches; training corpora and their token files."""

from strata.text.batches import TokenBatch, batches
from strata.text.encoding import Corpus, corpus_folder, open_corpus
from strata.text.passages import TextError, read_lines, read_passages, read_text
from strata.text.tokens import TokenStore

__all__ = [
    "Corpus",
    "TextError",
    "TokenBatch",
    "TokenStore",
    "batches",
    "corpus_folder",
    "open_corpus",
    "read_lines",
    "read_passages",
    "read_text",
]
