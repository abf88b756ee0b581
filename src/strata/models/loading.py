"""Loading a model that params names."""

from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from strata.models.sources import ModelError, materialise
from strata.params import EncoderParams, ModelParams, Params


@dataclass(frozen=True)
class LoadedModel:
    """A model in evaluation mode, its tokenizer, and where both came from."""

    model: PreTrainedModel
    tokenizer: Tokenizer
    provenance: dict[str, Any]


def load(name: str, params: Params) -> LoadedModel:
    """Load a model by its section in params, in fp32, on the GPU if there is one.

    Files that are not here yet are fetched first.

    Raises:
        ModelError: the section is unknown, or the files cannot be had or read.
    """
    section = getattr(params, name, None)
    if not isinstance(section, ModelParams):
        raise ModelError(f"unknown model {name!r}: expected one of {', '.join(names(params))}")
    folder, record = materialise(name, section)
    kind = AutoModel if isinstance(section, EncoderParams) else AutoModelForCausalLM
    try:
        model = kind.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{name}: the files in {folder} cannot be read ({reason}). Replace them, or set "
            f"{name}.source to another source"
        ) from error
    model.requires_grad_(False)
    model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
    facts = {"dtype": "float32", "parameters": model.num_parameters(), "licence": _licence(section)}
    return LoadedModel(model, tokenizer, record | facts)


def names(params: Params) -> list[str]:
    """The models that the parameters name, by their sections."""
    return [key for key, value in params if isinstance(value, ModelParams)]


def _licence(section: ModelParams) -> str:
    return getattr(getattr(section, section.source), "licence", "the user's own")
