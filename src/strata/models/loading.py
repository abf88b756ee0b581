"""Loading a model that params names."""

import os
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from strata import paths
from strata.models.sources import ModelError, materialise
from strata.params import EncoderParams, ModelParams, Params


@dataclass(frozen=True)
class LoadedModel:
    """A model in evaluation mode, its tokenizer, and where both came from."""

    model: PreTrainedModel
    tokenizer: Tokenizer
    provenance: dict[str, Any]


def load(name: str, params: Params, dtype: str = "float32") -> LoadedModel:
    """Load a model by its section in params, straight to the GPU if there is one.

    Files that are not here yet are fetched first. A model larger than the GPUs is spread over them,
    the memory of this machine and, last, its disk.

    Args:
        dtype: of the weights, or `auto`, as `arithmetic`. What a model computes once, such as
            rotary frequencies, keeps the dtype that transformers gives it.

    Raises:
        ModelError: the section is unknown, or the files cannot be had or read.
    """
    section = getattr(params, name, None)
    if not isinstance(section, ModelParams):
        raise ModelError(f"unknown model {name!r}: expected one of {', '.join(names(params))}")
    folder, record = materialise(name, section)
    kind = AutoModel if isinstance(section, EncoderParams) else AutoModelForCausalLM
    on_gpu = torch.cuda.is_available()
    chosen = arithmetic(dtype, "cuda" if on_gpu else "cpu")
    try:
        model = kind.from_pretrained(
            folder,
            dtype=getattr(torch, chosen),
            device_map=_places() if on_gpu else None,
            offload_folder=paths.WORK / "offload",
            use_safetensors=True,
            local_files_only=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{name}: the files in {folder} cannot be read ({reason}). Replace them, or set "
            f"{name}.source to another source"
        ) from error
    model.requires_grad_(False).eval()
    facts = {"dtype": chosen, "parameters": model.num_parameters(), "licence": _licence(section)}
    return LoadedModel(model, tokenizer, record | facts)


def arithmetic(dtype: str, device: str) -> str:
    """`float32` or `bfloat16`: what `auto` means on a device, `cpu` or `cuda`."""
    if dtype != "auto":
        return dtype
    cpu = torch.cpu.get_capabilities()
    fast = device == "cuda" or cpu.get("amx_bf16") or cpu.get("avx512_bf16")
    return "bfloat16" if fast else "float32"


def _places() -> str | dict[str, int]:
    """A rank of torchrun has a GPU of its own; one process fills GPUs, then memory, then disk."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    return "sequential" if ranks == 1 else {"": torch.cuda.current_device()}


def names(params: Params) -> list[str]:
    """The models that the parameters name, by their sections."""
    return [key for key, value in params if isinstance(value, ModelParams)]


def _licence(section: ModelParams) -> str:
    return getattr(getattr(section, section.source), "licence", "the user's own")
