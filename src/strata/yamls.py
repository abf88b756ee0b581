"""Reading YAML files that people write, with errors that name file and field."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from reprlib import repr
from typing import Annotated, Any, ClassVar, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from strata.errors import StrataError

MOST_VALUES = 100_000  # in a file, every alias followed
MOST_TOLD = 8
Text = Annotated[str, Field(pattern=r"\S")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]  # of a file


class Entry(BaseModel):
    """Part of a file: frozen; unknown keys, NaN, infinity, true for a number and a list that names
    something twice are refused."""

    MAY_REPEAT: ClassVar[tuple[str, ...]] = ()
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="wrap")
    @classmethod
    def _a_switch_is_no_number(cls, value: Any, validate: Callable[[Any], Any]) -> Any:
        found = validate(value)
        for given, taken in zip(_values(value), _values(found), strict=False):
            if isinstance(given, bool) and type(taken) in (int, float):
                raise ValueError("expected a number, not true or false")
        return found

    @model_validator(mode="after")
    def _lists_name_nothing_twice(self) -> Self:
        for field, value in self:
            if isinstance(value, list | tuple) and field not in self.MAY_REPEAT:
                for each in repeated(getattr(each, "name", each) for each in value):
                    raise ValueError(f"{field}: expected each entry once, found {each} again")
        return self


def repeated(values: Iterable[Hashable]) -> list[Hashable]:
    """What is there more than once."""
    return [value for value, count in Counter(values).items() if count > 1]


class _Loader(yaml.SafeLoader):
    """YAML whose mappings name a key once, and merge no others."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys stay unknown: nested ones grow without end."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        for name in repeated(key.value for key, _ in node.value):
            raise yaml.constructor.ConstructorError(
                None, None, f"expected the key {name} once", node.start_mark
            )
        return super().construct_mapping(node, deep)


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def read_yaml(file: Path, error: type[StrataError]) -> Any:
    """The content of a YAML file.

    Raises:
        error: it cannot be read, is not YAML, names a key twice, or is too large.
    """
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise error(f"{file}: cannot be read ({problem.strerror})") from problem
    return parse_yaml(content, str(file), error)


def parse_yaml(text: str | bytes, name: str, error: type[StrataError]) -> Any:
    """What YAML holds.

    Args:
        name: what the message calls it.

    Raises:
        error: it is not YAML, names a key twice, or is too large.
    """
    try:
        content = yaml.load(text, _Loader)
        count = sum(1 for _ in zip(range(MOST_VALUES), _values(content), strict=False))
    except RecursionError as problem:
        raise error(f"{name}: not valid YAML: nested without end") from problem
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as problem:
        raise error(f"{name}: not valid YAML: {problem}") from problem  # all are of constructors
    if count == MOST_VALUES:
        raise error(f"{name}: expected less than {MOST_VALUES:,} values, aliases followed")
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


def _values(content: Any) -> Iterator[Any]:
    """A value and all that it holds in lists and mappings, in order."""
    yield content
    inner = content.values() if isinstance(content, Mapping) else content
    if isinstance(content, Mapping | list | tuple):
        for each in inner:
            yield from _values(each)


def checked(kind: type[AnyEntry], content: Any, name: str, error: type[StrataError]) -> AnyEntry:
    """Content as an entry of a kind.

    Args:
        name: what the message calls it.

    Raises:
        error: an unknown, missing or wrong field; the first few are named.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as problem:
        raise error(f"{name}: {told(problem)}") from problem


def told(problem: ValidationError) -> str:
    """What is wrong where, of the first few fields that are."""
    found = problem.errors()
    lines = [
        f"{'.'.join(map(str, each['loc'])) or 'entry'}: {each['msg'].removeprefix('Value error, ')}"
        + (
            ""
            if each["type"] == "missing" or "found" in each["msg"]
            else f", found {repr(each['input'])}"
        )
        for each in found[:MOST_TOLD]
    ]
    more = [f"and {len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else []
    return "; ".join(lines + more)
