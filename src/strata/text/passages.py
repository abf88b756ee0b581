"""The passages on which perplexity is measured: one a line, from git, the hub or a local file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from strata import hub, paths
from strata.errors import StrataError
from strata.params import Params
from strata.params.sources import HubText, TextParams
from strata.records import fingerprint

MIN_WORDS = 10
LOCAL = {("Salesforce/wikitext", "wikitext-2-raw-v1"): "wikitext2/wiki.{split}.raw"}
LOCAL_SPLITS = {"validation": "valid"}


class TextError(StrataError, RuntimeError):
    """Text cannot be had as asked."""


def read_passages(settings: Params) -> list[str]:
    """The evaluation text, cut to `max_passages`.

    Raises:
        TextError: as `read_text`.
    """
    text = settings.evaluation_text
    return read_text(text, "evaluation_text", settings.local)[: text.max_passages]


def read_text(params: TextParams, key: str, local: str) -> list[str]:
    """Passages in their order, without blank lines and (outside git) headings and short lines.

    Args:
        key: the parameters' section, for messages.
        local: folder with copies of the hub's texts; one that is there is read in its place.

    Raises:
        TextError: the source cannot be read or holds no passage; it says what to set.
    """
    match params.source:
        case "authored":
            passages = read_lines(paths.ROOT / params.authored, f"{key}.authored")
        case "path":
            if params.path is None:
                raise TextError(f"{key}: source is path, but path is not set")
            passages = _prose(read_lines(Path(params.path).expanduser(), f"{key}.path"))
        case "hub":
            copy = local_copy(params.hub, local)
            lines = read_lines(copy, key) if copy else _hub_lines(params.hub, key)
            passages = _prose(lines)
    if not passages:
        raise TextError(f"{key}: source {params.source} holds no passage")
    return passages


def record(params: TextParams, key: str, local: str) -> dict[str, Any]:
    """What a text is, wherever it was read: the same of equal copies.

    Raises:
        TextError: as `read_text`.
    """
    authored = params.source == "authored"
    return {
        "name": key,
        "dataset": params.authored if authored else params.title,
        "licence": "MIT, written for this repository" if authored else params.licence,
        **fingerprint(read_text(params, key, local)),
    }


def local_copy(source: HubText, local: str) -> Path | None:
    """The local copy of a text on the hub, if there is one."""
    pattern = LOCAL.get((source.repository, source.config))
    if pattern is None:
        return None
    split = LOCAL_SPLITS.get(source.split, source.split)
    file = paths.ROOT / local / pattern.format(split=split)
    return file if file.is_file() else None


def read_lines(file: Path, key: str) -> list[str]:
    """The non-blank lines of a UTF-8 file, stripped; only \\n ends one.

    Raises:
        TextError: the file cannot be read; `key` is the parameter that names it.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{key}: cannot read {file} as UTF-8 text ({error})") from error
    return _stripped(text.split("\n"))


def _stripped(lines: Iterable[str]) -> list[str]:
    return [line.strip() for line in lines if line.strip()]


def _prose(lines: Iterable[str]) -> list[str]:
    """Lines without headings (`= Title =` in WikiText) and lines of under ten words."""
    return [line for line in lines if not line.startswith("=") and len(line.split()) >= MIN_WORDS]


def _hub_lines(source: HubText, key: str) -> list[str]:
    try:
        rows = hub.load(source.repository, source.config, source.revision, split=source.split)
    except Exception as error:
        raise TextError(
            f"{key}: cannot fetch {source.repository} from the hub ({hub.reason(error)}). Check "
            f"the network, put a copy into data/local (docs/data.md), or set {key}.source to "
            f"authored or path"
        ) from error
    return _stripped(rows["text"])
