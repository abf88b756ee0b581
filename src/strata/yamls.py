"""Reading YAML files that people write, with errors that name file and field."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from strata.errors import StrataError

MOST_VALUES = 100_000  # in a file, every alias followed


class Entry(BaseModel):
    """Part of a file: frozen; unknown keys, NaN, infinity and true for a number are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="wrap")
    @classmethod
    def _a_switch_is_no_number(cls, value: Any, validate: Callable[[Any], Any]) -> Any:
        found = validate(value)
        for given, taken in zip(_leaves(value), _leaves(found), strict=False):
            if isinstance(given, bool) and type(taken) in (int, float):
                raise ValueError("expected a number, not true or false")
        return found


class _Loader(yaml.SafeLoader):
    """YAML whose mappings name a key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value]
        twice = next((key for key, _ in node.value if names.count(key.value) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(
                None, None, f"expected the key {twice.value} once", twice.start_mark
            )
        return super().construct_mapping(node, deep)


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def read_yaml(file: Path, error: type[StrataError]) -> Any:
    """The content of a YAML file.

    Raises:
        error: it cannot be read, is not YAML, names a key twice, or is too large.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Loader)
        count = sum(1 for _ in zip(_leaves(content), range(MOST_VALUES), strict=False))
    except OSError as problem:
        raise error(f"{file}: cannot be read ({problem.strerror})") from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise error(f"{file}: not valid YAML: {' '.join(str(problem).split())}") from problem
    except RecursionError as problem:
        raise error(f"{file}: not valid YAML: nested without end") from problem
    if count == MOST_VALUES:
        raise error(f"{file}: expected less than {MOST_VALUES:,} values, aliases followed")
    return content


def read_mapping(file: Path, error: type[StrataError]) -> dict[str, Any]:
    """The content of a YAML file that is a mapping.

    Raises:
        error: as `read_yaml`, or it is something else.
    """
    content = read_yaml(file, error)
    if not isinstance(content, dict):
        raise error(f"{file}: expected a mapping, found {type(content).__name__}")
    return content


def _leaves(content: Any) -> Iterator[Any]:
    """The values at the ends of nested lists and mappings, in order."""
    if isinstance(content, Mapping):
        content = list(content.values())
    if isinstance(content, list | tuple):
        for each in content:
            yield from _leaves(each)
    else:
        yield content


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
