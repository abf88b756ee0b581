"""What a number was measured on, beside what the paper measured on: computed, never typed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from strata.papers import Condition

SIZES = ("items", "passages", "documents")


def differences(conditions: Sequence[Condition], about: Mapping[str, Any]) -> dict[str, str]:
    """Condition -> how the evidence differs from the paper's; empty where they agree.

    Args:
        about: what the evidence file records.
    """
    found = {each.what: recorded(about, each.at or each.what) for each in conditions}
    return {
        each.what: f"{shown(found[each.what])}, not {shown(each.published)}"
        for each in conditions
        if not _same(found[each.what], each.published)
    }


def recorded(about: Mapping[str, Any], path: str) -> Any | None:
    """What evidence records at a path of keys separated by `/`; None where it records nothing."""
    found: Any = about
    for key in path.split("/"):
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found


def size(about: Mapping[str, Any], key: str) -> tuple[int, str] | None:
    """How many observations stand behind a measurement's key, and of what; None if not recorded."""
    for label in SIZES:
        found = about.get(label)
        if isinstance(found, Mapping):
            counts = [each for each in found.values() if isinstance(each, int)]
            found = found.get(key.partition(".")[0], found.get("model", min(counts, default=None)))
        if isinstance(found, int):
            return found, label
    return None


def shown(value: Any) -> str:
    """A recorded or published condition as people read it."""
    if value is None:
        return "not recorded"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        parts = value.items()
        return ", ".join(f"{n:,} {each}" if isinstance(n, int) else str(each) for each, n in parts)
    if isinstance(value, Sequence):
        return ", ".join(map(shown, value))
    return f"{value:,.12g}" if isinstance(value, (int, float)) else str(value)


def _same(found: Any, published: str | float | Sequence[str]) -> bool:
    if found is None:
        return False
    if isinstance(published, str):
        return str(found) == published
    if isinstance(published, (int, float)):
        return isinstance(found, (int, float)) and math.isclose(found, published, rel_tol=1e-6)
    return not isinstance(found, (str, int, float)) and set(map(str, found)) == set(published)
