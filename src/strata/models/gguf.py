"""From a GGUF file to a folder in the hub's layout: fp32 weights and the published tokenizer."""

from pathlib import Path
from typing import Any

from strata.models.errors import ModelError

EDITION = 2  # of the conversion: folders made by another are not read
SENTENCEPIECE = ("llama", "default")


def convert(gguf: Path, folder: Path) -> dict[str, str]:
    """Dequantise to fp32 safetensors; return what the record says of quantisation and tokenizer.

    A model loaded from GGUF refuses `save_pretrained`, so its weights are moved into one made from
    its configuration.

    Raises:
        ModelError: the file names a tokenizer that is not known to be converted as published.
    """
    import torch
    from gguf import GGUFReader, LlamaFileType
    from transformers import AutoModelForCausalLM, AutoTokenizer

    fields = GGUFReader(gguf).fields
    kind = tuple(fields[f"tokenizer.ggml.{key}"].contents() for key in ("model", "pre"))
    splitting = _splitting(gguf.name, kind)
    place = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
    tokenizer = AutoTokenizer.from_pretrained(**place)
    if splitting:
        tokenizer.backend_tokenizer.pre_tokenizer = splitting
    tokenizer.save_pretrained(folder)
    loaded = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
    config = loaded.config
    del config.quantization_config
    config.name_or_path = ""
    model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(loaded.state_dict())
    model.save_pretrained(folder)
    quantisation = LlamaFileType(fields["general.file_type"].contents()).name
    return {"quantisation": quantisation.removeprefix("MOSTLY_"), "pre_tokenizer": kind[1]}


def _splitting(name: str, kind: tuple[str, str]) -> Any:
    """How text is split before byte-pair merges; None where transformers' converter knows it."""
    from tokenizers import pre_tokenizers as split

    byte_level = split.ByteLevel(add_prefix_space=False)
    known = {
        ("gpt2", "smollm"): split.Sequence([split.Digits(individual_digits=True), byte_level]),
        ("gpt2", "gpt-2"): byte_level,
        SENTENCEPIECE: None,
    }
    if kind not in known:
        expected = ", ".join("/".join(each) for each in known)
        raise ModelError(
            f"{name}: tokenizer {'/'.join(kind)} is not known to be converted as published, "
            f"expected one of {expected}; use the model in the hub's layout (source: hub or path)"
        )
    return known[kind]
