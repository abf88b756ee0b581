"""Documents to train on: the installed Python's standard library, a local folder, or the hub."""

import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from strata import hub
from strata.params.corpus import CorpusParams
from strata.text.passages import TextError

SKIPPED_FOLDERS = {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib"}
TEXT_SUFFIXES = {".txt", ".md", ".rst", ".py", ".raw"}
SPLITTER = b"strata"
PIECE = 3000  # characters; a longer file is cut at blank lines into documents of at least as many


def documents(params: CorpusParams, start: int = 0) -> Iterator[str]:
    """The corpus's documents in a fixed order, from number `start` to `max_documents`.

    Raises:
        TextError: the source cannot be read or holds no document; it says what to set.
    """
    match params.source:
        case "stdlib":
            texts = _texts(_stdlib_files())
        case "local":
            files = _texts(_local_files(params.local)[0])
            texts = (piece for text in files for piece in _pieces(text))
        case "hub":
            yield from islice(_hub_texts(params, start), params.max_documents - start)
            return
    yield from islice(texts, start, params.max_documents)


def held_out(document: str, fraction: float) -> bool:
    """Whether a document is for validation: by its text alone, so equal ones never part."""
    digest = hashlib.sha256(SPLITTER + document.encode()).digest()
    return int.from_bytes(digest[:8], "big") < fraction * 2**64


def origin(params: CorpusParams) -> dict[str, Any]:
    """What the record says about where the text came from."""
    match params.source:
        case "stdlib":
            return {
                "source": "stdlib",
                "python": platform.python_version(),
                "licence": "PSF-2.0",
            }
        case "local":
            skipped = _local_files(params.local)[1]
            return {
                "source": "local",
                "folder": Path(params.local or "").name,
                "licence": "the user's own",
                **({"skipped": skipped} if skipped else {}),
            }
        case "hub":
            return {
                "source": "hub",
                "repository": params.hub.repository,
                "revision": _hub_commit(params),
                "licence": params.hub.licence,
            }


def _stdlib_files() -> list[Path]:
    root = Path(sysconfig.get_path("stdlib"))
    files = [
        file
        for file in root.rglob("*.py")
        if not SKIPPED_FOLDERS & set(file.relative_to(root).parts)
    ]
    return _shuffled(files, root)


def _local_files(folder: str | None) -> tuple[list[Path], int]:
    """The regular, readable text files in a folder, and how many others have a text's name."""
    if folder is None:
        raise TextError("corpus: source is local, but corpus.local is not set")
    root = Path(folder).expanduser()
    found = [file for file in root.rglob("*") if file.suffix in TEXT_SUFFIXES]
    files = [file for file in found if file.is_file() and os.access(file, os.R_OK)]
    if not files:
        raise TextError(
            f"corpus.local: {root} holds no text file ({', '.join(sorted(TEXT_SUFFIXES))})"
        )
    return _shuffled(files, root), len(found) - len(files)


def _shuffled(files: list[Path], root: Path) -> list[Path]:
    """Files in an order that mixes folders and is the same on every machine."""
    return sorted(
        files, key=lambda file: hashlib.sha256(file.relative_to(root).as_posix().encode()).digest()
    )


def _texts(files: list[Path]) -> Iterator[str]:
    for file in files:
        try:
            text = file.read_bytes().decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise TextError(
                f"corpus: {file} is not UTF-8 text ({error.reason} at byte {error.start}); convert "
                f"it, or take it out of the folder"
            ) from error
        if text:
            yield text


def _pieces(text: str) -> Iterator[str]:
    """A file that holds many documents, or one too long to be held out, cut at blank lines."""
    paragraphs: list[str] = []
    length = 0
    for paragraph in text.split("\n\n"):
        paragraphs.append(paragraph)
        length += len(paragraph)
        if length >= PIECE:
            yield "\n\n".join(paragraphs)
            paragraphs, length = [], 0
    if paragraphs:
        yield "\n\n".join(paragraphs)


def _hub_texts(params: CorpusParams, start: int) -> Iterator[str]:
    source = params.hub
    try:
        rows = hub.load(
            source.repository,
            source.config,
            hub.commit(source.repository, source.revision),
            split=source.split,
            streaming=True,
        )
        yield from (row[source.field] for row in rows.skip(start))
    except Exception as error:
        raise _out_of_reach(params, error) from error


def _hub_commit(params: CorpusParams) -> str:
    try:
        return hub.commit(params.hub.repository, params.hub.revision)
    except Exception as error:
        raise _out_of_reach(params, error) from error


def _out_of_reach(params: CorpusParams, error: Exception) -> TextError:
    return TextError(
        f"corpus: cannot read {params.hub.repository} from the hub ({hub.reason(error)}). "
        f"Check the network, or set corpus.source to local or stdlib"
    )
