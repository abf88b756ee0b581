"""A deliberately wrong reader: paper B's tokens, written as int32 and read back as raw uint16.

It exists to reproduce an artefact. Never use it to train a model that should be good. The authors
wrote ids with np.save (a 128-byte header, then int32) and guessed uint16 from the vocabulary size,
so a model saw 64 ids of header and then [t0, 0, t1, 0, ...]: half of every sequence is zeros.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WRITTEN, GUESSED = np.dtype("<i4"), np.dtype("<u2")
HEADER_IDS = 64
MOST_IDS = 2**16  # of a vocabulary from which uint16 is guessed


def write_as_published(path: Path, tokens: NDArray[np.unsignedinteger]) -> None:
    """Save ids as the authors did: int32, with np.save's header."""
    with path.open("wb") as file:
        np.save(file, tokens.astype(WRITTEN))


def read_as_published(path: Path, vocabulary: int) -> NDArray[np.uint16]:
    """The whole file as raw uint16, header included: 64 ids, then each token followed by a zero.

    The header's ids reach 32,639. In a vocabulary smaller than that, the 64 are folded into it.
    """
    raw = np.memmap(path, GUESSED, "c")  # changes stay in memory
    raw[:HEADER_IDS] %= vocabulary
    return raw


def document_as_published(document: NDArray[np.unsignedinteger], length: int) -> NDArray[np.uint16]:
    """A held-out document as the authors validate on it: zero first, cut at `length` positions."""
    raw = document[: length // 2].astype(WRITTEN).view(GUESSED)
    return raw.reshape(-1, 2)[:, ::-1].reshape(-1)
