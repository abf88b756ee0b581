"""What a model is trained and measured on, by either reader.

`correct` shows the tokens. `as_published` repeats the authors' mistake: [t0, 0, t1, 0, ...].
Both are measured on the same real tokens: the first half of a sequence's length of each held-out
document (the wrong reader fits no more).
"""

import os
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from strata.params.training import Precision
from strata.text import TextError, TokenStore
from strata.text.as_published import (
    MOST_IDS,
    document_as_published,
    read_as_published,
    write_as_published,
)
from strata.training import autocast

Reader = Literal["correct", "as_published"]
POSITIONS_AT_ONCE = 16_384


class Validation(NamedTuple):
    """Held-out documents, padded: ids NxL, and which targets 1..L-1 are real tokens or zeros."""

    ids_NxL: torch.Tensor
    real_NxL: torch.Tensor
    zero_NxL: torch.Tensor


class DocumentLosses(NamedTuple):
    """Summed nats and counts of each document: at real tokens, and at the reader's zeros (N,)."""

    real_nll: list[float]
    real_tokens: list[int]
    zero_nll: list[float]
    zero_tokens: list[int]

    @property
    def reported(self) -> float:
        """Mean nats over all positions, which is what the authors reported."""
        nll, count = np.sum(self.real_nll + self.zero_nll), np.sum(self.real_tokens)
        return float(nll / (count + np.sum(self.zero_tokens)))


def training_tokens(reader: Reader, store: TokenStore) -> NDArray[np.unsignedinteger]:
    """The stream of ids that a reader makes of a token file."""
    if reader == "correct":
        return store.tokens
    return read_as_published(as_published_file(store), store.header["vocabulary_size"])


def as_published_file(store: TokenStore) -> Path:
    """The token file as the authors would have written it, beside the store.

    Raises:
        TextError: their program would not have guessed uint16 from the store's vocabulary.
    """
    vocabulary = store.header["vocabulary_size"]
    if vocabulary > MOST_IDS:
        raise TextError(
            f"{store.path.name}: reader as_published expects a vocabulary of at most {MOST_IDS:,}, "
            f"found {vocabulary:,}; leave the reader out of lws_train.groups, or lower "
            f"corpus.vocabulary"
        )
    file = store.path.with_name(f"{store.path.stem}-{store.header['crc32']:08x}.npy")
    if not file.is_file():
        part = file.with_suffix(f".part{os.getpid()}")
        write_as_published(part, store.tokens)
        os.replace(part, file)
    return file


def validation(reader: Reader, store: TokenStore, documents: int, length: int) -> Validation:
    """The first held-out documents of two tokens or more, as a reader shows them.

    Raises:
        TextError: there are fewer.
    """
    usable = [index for index in range(len(store)) if len(store.document(index)) > 1]
    if len(usable) < documents:
        raise TextError(
            f"{store.path.name}: {len(usable)} documents of two tokens or more, expected "
            f"validation_documents {documents}; set corpus.max_documents higher"
        )
    rows = [_shown(reader, store.document(index), length) for index in usable[:documents]]
    ids = torch.zeros(documents, max(map(len, rows)), dtype=torch.long)
    real, zero = torch.zeros_like(ids), torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.from_numpy(row.astype(np.int64))
        real[place, 1 : len(row)] = 1
        if reader == "as_published":
            zero[place, 2 : len(row) : 2] = 1
    return Validation(ids, (real - zero)[:, 1:].bool(), zero[:, 1:].bool())


@torch.no_grad()
def measure(model: PreTrainedModel, data: Validation, precision: Precision) -> DocumentLosses:
    """Each document's losses under a model."""
    device = next(model.parameters()).device
    rows = max(1, POSITIONS_AT_ONCE // data.ids_NxL.shape[1])
    sums = []
    for ids, real, zero in zip(*(part.split(rows) for part in data), strict=True):
        ids_BxL = ids.to(device)
        with autocast(precision, device):
            logits = model(input_ids=ids_BxL, use_cache=False).logits[:, :-1]
        nll_BxL = (
            torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), ids_BxL[:, 1:].flatten(), reduction="none"
            )
            .view(len(ids), -1)
            .double()
            .cpu()
        )
        sums.append(torch.stack([(nll_BxL * mask).sum(dim=1) for mask in (real, zero)]))
    real_nll, zero_nll = torch.cat(sums, dim=1).tolist()
    counts = (mask.sum(dim=1).tolist() for mask in (data.real_NxL, data.zero_NxL))
    real_tokens, zero_tokens = counts
    return DocumentLosses(real_nll, real_tokens, zero_nll, zero_tokens)


def _shown(
    reader: Reader, document: NDArray[np.unsignedinteger], length: int
) -> NDArray[np.unsignedinteger]:
    if reader == "as_published":
        return document_as_published(document, length)
    return document[: length // 2]
