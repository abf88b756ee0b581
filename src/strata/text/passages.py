"""The passages on which perplexity is measured: one a line, from git, the hub or a local file."""

from collections.abc import Iterable
from pathlib import Path

from strata import paths
from strata.errors import StrataError
from strata.params import EvaluationTextParams
from strata.params.sources import HubText

MIN_WORDS = 10


class TextError(StrataError, RuntimeError):
    """Text cannot be had as asked."""


def read_passages(params: EvaluationTextParams) -> list[str]:
    """Passages in their order, blank lines, headings and (outside git) short lines left out.

    Raises:
        TextError: the source cannot be read or holds no passage; it says what to set.
    """
    match params.source:
        case "authored":
            passages = read_lines(paths.ROOT / params.authored, "evaluation_text.authored")
        case "path":
            if params.path is None:
                raise TextError("evaluation_text: source is path, but path is not set")
            file = Path(params.path).expanduser()
            passages = read_prose(file, "evaluation_text.path")
        case "hub":
            passages = _prose(_hub_lines(params.hub))
    if not passages:
        raise TextError(f"evaluation_text: source {params.source} holds no passage to measure on")
    return passages[: params.max_passages]


def read_lines(file: Path, key: str) -> list[str]:
    """The non-blank lines of a UTF-8 file, stripped.

    Raises:
        TextError: the file cannot be read; `key` is the parameter that names it.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{key}: cannot read {file} as UTF-8 text ({error})") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_prose(file: Path, key: str) -> list[str]:
    """`read_lines` without headings (`= Title =` in WikiText) and lines of under ten words."""
    return _prose(read_lines(file, key))


def _prose(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if not line.startswith("=") and len(line.split()) >= MIN_WORDS]


def _hub_lines(source: HubText) -> list[str]:
    from datasets import load_dataset

    try:
        rows = load_dataset(
            source.repository, source.config, split=source.split, revision=source.revision
        )
    except Exception as error:
        raise TextError(
            f"evaluation_text: cannot fetch {source.repository} from the hub "
            f"({type(error).__name__}). Check the network, or set evaluation_text.source to "
            f"authored or path"
        ) from error
    return [line.strip() for line in rows["text"] if line.strip()]
