"""Parameters of paper B's experiments."""

from typing import Annotated, Literal

from pydantic import Field

from strata.params.sections import Positive, PositiveInt, Section


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
