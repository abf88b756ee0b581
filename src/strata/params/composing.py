"""From files to checked parameters: reading one, and laying a profile over `params.yaml`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from strata import paths, profiles
from strata.params.sections import Params, ParamsError
from strata.records import write_text
from strata.yamls import checked, parse_yaml, read_mapping

BRACKETS = ("[", "{", '"', "'")
NULLS = ("", "~", "null")
PLACE = ("profile", "params", "root")  # follow from the profile


def read(path: Path) -> Params:
    """Read and check one parameter file.

    Raises:
        ParamsError: the file is missing, is not YAML, or a key is unknown, missing or out of range.
    """
    return _checked(read_mapping(path, ParamsError), path)


def parse(dumped: str) -> Params:
    """Parameters from what `model_dump_json` made of them."""
    from strata.params.composed import AllParams

    return AllParams.model_validate_json(dumped)


def compose(profile: str, changes: Sequence[str] = ()) -> Params:
    """Lay `profiles/<profile>.yaml` over `params.yaml` and prepare `results/<profile>/` for DVC.

    Args:
        changes: laid over both, each `section.key=value`; a value is YAML, or text as it is.

    Raises:
        ParamsError, ProfileError: there is no such profile, or the result is not valid.
    """
    profiles.rank(profile)
    if profile == profiles.base():
        if changes:
            raise ParamsError(
                f"the {profile} profile is params.yaml: use `dvc exp run -S` or edit it"
            )
        return read(paths.PARAMS)
    folder = paths.results(profile)
    file = folder / "params.yaml"
    place = {"profile": profile, "params": file.relative_to(paths.ROOT).as_posix(), "root": "../.."}
    merged = _laid_over(profile)
    for layer in (*map(_change, changes), place):
        merged = merge(merged, layer)
    params = _checked(merged, paths.PROFILES / f"{profile}.yaml")
    header = f"# Written by `make repro PROFILE={profile}` from params.yaml and profiles/.\n"
    write_text(file, header + yaml.safe_dump(merged, sort_keys=False, width=100))
    link_pipeline(folder)
    return params


def link_pipeline(folder: Path) -> None:
    """Put `dvc.yaml` beside a profile's parameters: a link, or a copy where there are no links."""
    link = folder / paths.PIPELINE.name
    if link.is_symlink():
        return
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(os.path.relpath(paths.PIPELINE, folder))
    except OSError:
        write_text(link, paths.PIPELINE.read_text(encoding="utf-8"))


def merge(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """A mapping with another laid over it, key by key at every depth."""
    both = base.keys() & overlay.keys()
    nested = {
        key: merge(base[key], overlay[key])
        for key in both
        if isinstance(base[key], dict) and isinstance(overlay[key], dict)
    }
    return {**base, **overlay, **nested}


def _laid_over(profile: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """A profile's parameters over those of the profile that it names in `over`, or the base."""
    if profile == profiles.base():
        return read_mapping(paths.PARAMS, ParamsError)
    profiles.rank(profile)
    if profile in above:
        raise ParamsError(f"profiles/{profile}.yaml: over: expected no circle of profiles")
    own = read_mapping(paths.PROFILES / f"{profile}.yaml", ParamsError)
    return merge(_laid_over(own.pop("over", profiles.base()), (*above, profile)), own)


def _change(change: str) -> dict[str, Any]:
    key, equals, value = change.partition("=")
    if not equals or key in PLACE:
        raise ParamsError(f"-S {change}: expected KEY=VALUE, e.g. benchmarks.source=local")
    content = _value(change, value.strip())
    for name in reversed(key.split(".")):
        content = {name: content}
    return content


def _value(change: str, text: str) -> Any:
    """Lists, mappings, quoted text, numbers, true, false, null as YAML; any other text as it is."""
    try:
        content = parse_yaml(text, f"-S {change}, its value (put text in quotes)", ParamsError)
    except ParamsError:
        if text.startswith(BRACKETS):
            raise
        return text
    plain = isinstance(content, bool | int | float) or text in NULLS
    return content if plain or text.startswith(BRACKETS) else text


def _checked(content: dict[str, Any], path: Path) -> Params:
    from strata.params.composed import AllParams

    return checked(AllParams, content, str(path), ParamsError)
