"""Reading YAML files that people write, with errors that name file and field."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from strata.errors import StrataError


class Entry(BaseModel):
    """Part of a file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def read_yaml(file: Path, error: type[StrataError]) -> Any:
    """The content of a YAML file.

    Raises:
        error: it cannot be read, or is not YAML.
    """
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise error(f"{file}: cannot be read ({problem.strerror})") from problem
    except yaml.YAMLError as problem:
        raise error(f"{file}: not valid YAML: {problem}") from problem


def checked(kind: type[AnyEntry], content: Any, name: str, error: type[StrataError]) -> AnyEntry:
    """Content as an entry of a kind.

    Args:
        name: what the message calls it.

    Raises:
        error: an unknown, missing or wrong field; every one of them is named.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as problem:
        lines = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'entry'}: {each['msg']}"
            + ("" if each["type"] == "missing" else f", found {each['input']!r}")
            for each in problem.errors()
        )
        raise error(f"{name}: {lines}") from problem
