"""Token files that know what they hold: documents of token ids, memory-mapped, checked on opening.

Layout: 8 bytes of magic, 8 bytes little-endian header length, a JSON header, then the document
boundaries (int64, one more than documents) and the tokens. The header names dtype, vocabulary size,
tokenizer hash, counts and the checksum of all that follows it.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from strata.records import write_json
from strata.text.passages import TextError

MAGIC = b"STRATOK1"
LENGTH = struct.Struct("<Q")
BOUNDARY = np.dtype("<i8")
CHUNK = 1 << 24
HEADER_KEYS = {"dtype", "vocabulary_size", "tokenizer_sha256", "documents", "tokens", "crc32"}


@dataclass(frozen=True)
class TokenStore:
    """Documents of tokens: `tokens` (N,) and `boundaries` (documents + 1,), both memory-mapped."""

    path: Path
    header: dict[str, int | str]
    boundaries: NDArray[np.int64]
    tokens: NDArray[np.unsignedinteger]

    @classmethod
    def open(
        cls, path: Path, tokenizer_sha256: str | None = None, dtype: str | None = None
    ) -> Self:
        """Open a token file and verify it whole.

        Args:
            tokenizer_sha256, dtype: what the reader expects; None takes what the file says.

        Raises:
            TextError: no token file, truncated, corrupt, or of another tokenizer or dtype.
        """
        header, start = _read_header(path)
        for name, expected in (("tokenizer_sha256", tokenizer_sha256), ("dtype", dtype)):
            if expected is not None and header[name] != expected:
                raise TextError(
                    f"{path.name}: asked to read with {name} {expected}, but the file was written "
                    f"with {header[name]}. Read it as written, or run 01_corpus.py again"
                )
        kind = np.dtype(header["dtype"])
        documents, tokens = header["documents"], header["tokens"]
        split = start + (documents + 1) * BOUNDARY.itemsize
        expected, found = split + tokens * kind.itemsize, path.stat().st_size
        if expected != found:
            raise TextError(
                f"{path.name}: expected {expected} bytes, found {found}; the file is truncated. "
                f"Delete it and run 01_corpus.py again"
            )
        if _checksum(path, start) != header["crc32"]:
            raise TextError(
                f"{path.name}: its checksum is not the one in its header; the file is corrupt. "
                f"Delete it and run 01_corpus.py again"
            )
        boundaries = np.memmap(path, BOUNDARY, "r", start, (documents + 1,))
        body = np.memmap(path, kind, "r", split, (tokens,)) if tokens else np.empty(0, kind)
        return cls(path, header, boundaries, body)

    def document(self, index: int) -> NDArray[np.unsignedinteger]:
        """The tokens of one document."""
        return self.tokens[self.boundaries[index] : self.boundaries[index + 1]]

    def __len__(self) -> int:
        return len(self.boundaries) - 1


class TokenWriter:
    """Appends documents to parts beside the final file, which appears whole or not at all.

    What was appended before the last `checkpoint` survives a kill; a new writer of the same source
    and tokenizer carries on there. `position` says how far the source had been read.
    """

    def __init__(self, path: Path, vocabulary: int, tokenizer_sha256: str, source: str) -> None:
        self.path = path
        self.dtype = np.dtype("<u2" if vocabulary <= 2**16 else "<u4")
        self.about = {
            "dtype": self.dtype.str,
            "vocabulary_size": vocabulary,
            "tokenizer_sha256": tokenizer_sha256,
        }
        self._origin = {**self.about, "source": source}
        self.state = {**self._origin, "documents": 0, "tokens": 0, "position": 0}
        self._parts = {name: path.with_name(f".{path.name}.{name}") for name in ("ids", "ends")}
        self._progress = path.with_name(f".{path.name}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._resume()

    @property
    def position(self) -> int:
        """How far the source had been read at the last checkpoint."""
        return self.state["position"]

    def append(self, ids: Iterable[int]) -> None:
        """Add one document.

        Raises:
            TextError: an id lies outside the vocabulary.
        """
        document = np.asarray(ids, dtype=np.int64)
        vocabulary = self.about["vocabulary_size"]
        if document.size and not 0 <= document.min() <= document.max() < vocabulary:
            raise TextError(
                f"{self.path.name}: document {self.state['documents']} holds ids from "
                f"{document.min()} to {document.max()}, expected 0 to {vocabulary - 1}"
            )
        self.state["documents"] += 1
        self.state["tokens"] += document.size
        self._files["ids"].write(document.astype(self.dtype).tobytes())
        self._files["ends"].write(BOUNDARY.type(self.state["tokens"]).tobytes())

    def checkpoint(self, position: int) -> None:
        """Make everything appended so far survive a kill."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        self.state["position"] = position
        write_json(self._progress, self.state)

    def finish(self) -> TokenStore:
        """Join the parts into the final file, open it and remove the parts."""
        for file in self._files.values():
            file.close()
        body = [LENGTH.pack(0), self._parts["ends"].read_bytes()]
        crc = 0
        for piece in body:
            crc = zlib.crc32(piece, crc)
        crc = _checksum(self._parts["ids"], 0, crc)
        counts = {key: self.state[key] for key in ("documents", "tokens")}
        header = json.dumps({**self.about, **counts, "crc32": crc}, sort_keys=True).encode()
        part = self.path.with_name(f".{self.path.name}.part")
        with part.open("wb") as file, self._parts["ids"].open("rb") as ids:
            for piece in (MAGIC, LENGTH.pack(len(header)), header, *body):
                file.write(piece)
            while chunk := ids.read(CHUNK):
                file.write(chunk)
        os.replace(part, self.path)
        for leftover in (self._progress, *self._parts.values()):
            leftover.unlink(missing_ok=True)
        return TokenStore.open(self.path)

    def _resume(self) -> None:
        """Carry on from the last checkpoint if it is of the same origin and the parts reach it,
        else start anew."""
        self._files = {name: part.open("ab") for name, part in self._parts.items()}
        if self._progress.is_file():
            state = json.loads(self._progress.read_text())
            sizes = self._sizes(state)
            whole = all(file.tell() >= sizes[name] for name, file in self._files.items())
            if whole and self._origin.items() <= state.items():
                self.state = state
        for name, file in self._files.items():
            file.truncate(self._sizes(self.state)[name])

    def _sizes(self, state: dict[str, Any]) -> dict[str, int]:
        """The bytes of each part at a state."""
        return {
            "ids": state["tokens"] * self.dtype.itemsize,
            "ends": state["documents"] * BOUNDARY.itemsize,
        }


def _read_header(path: Path) -> tuple[dict[str, int | str], int]:
    """A file's header and where its body starts."""
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC) + LENGTH.size)
            if start[: len(MAGIC)] != MAGIC:
                raise TextError(f"{path.name}: expected a token file of strata, found other data")
            length = LENGTH.unpack(start[len(MAGIC) :])[0]
            header = json.loads(file.read(length))
        if header.keys() != HEADER_KEYS:
            raise ValueError("keys")
    except OSError as error:
        raise TextError(
            f"{path.name}: cannot be read ({error.strerror}). Run 01_corpus.py"
        ) from error
    except (struct.error, ValueError, AttributeError, MemoryError, OverflowError) as error:
        raise TextError(
            f"{path.name}: its header is truncated or corrupt. Delete it and run 01_corpus.py again"
        ) from error
    return header, len(start) + length


def _checksum(path: Path, start: int, crc: int = 0) -> int:
    """CRC-32 of a file from `start` on, continuing `crc`."""
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc
