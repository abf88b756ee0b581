"""Parameters of training text."""

from typing import Annotated, Literal

from pydantic import Field

from strata.params.sections import PositiveInt, Section


class HubCorpus(Section):
    """A dataset on the hub to train on; `revision` is a commit or a branch, resolved on reading."""

    repository: str
    config: str | None
    split: str
    revision: str
    field: str
    licence: str


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
    vocabulary: Annotated[PositiveInt, Field(ge=257)]
    tokenizer_bytes: PositiveInt
    max_documents: PositiveInt
    validation_fraction: Annotated[float, Field(gt=0, lt=1)]
