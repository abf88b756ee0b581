"""The profiles: sizes of experiment, and which of them speaks where several have evidence.

`params.yaml` is one profile; `profiles/<name>.yaml` are laid over it. Each names its `rank`: the
profile of highest rank that has evidence for a claim speaks for it, and one of rank 0 never does.
"""

from functools import cache
from pathlib import Path

from strata import paths
from strata.errors import StrataError
from strata.yamls import read_mapping


class ProfileError(StrataError):
    """There is no such profile, or its file does not say its rank."""


def base() -> str:
    """The profile that `params.yaml` itself is."""
    return _base(paths.PARAMS)


@cache
def _base(params: Path) -> str:
    name = read_mapping(params, ProfileError).get("profile")
    if not isinstance(name, str):
        raise ProfileError(f"{params}: profile: expected a name, found {name!r}")
    return name


def ranks() -> dict[str, int]:
    """Profile -> rank, the lowest first.

    Raises:
        ProfileError: a profile's file cannot be read or has no whole number `rank`.
    """
    return _ranks(paths.PARAMS, paths.PROFILES)


@cache
def _ranks(params: Path, overlays: Path) -> dict[str, int]:
    files = {_base(params): params} | {file.stem: file for file in overlays.glob("*.yaml")}
    found = {}
    for name, file in files.items():
        rank = read_mapping(file, ProfileError).get("rank")
        if type(rank) is not int:
            raise ProfileError(f"{file}: expected rank: a whole number, found {rank!r}")
        found[name] = rank
    return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))


def rank(profile: str) -> int:
    """A profile's rank.

    Raises:
        ProfileError: there is no such profile.
    """
    known = ranks()
    if profile not in [*known]:
        raise ProfileError(f"unknown profile {profile!r}: expected one of {', '.join(known)}")
    return known[profile]


def speaking() -> list[str]:
    """The profiles that may speak for a claim, the highest rank first."""
    return [name for name, place in reversed(ranks().items()) if place > 0]
