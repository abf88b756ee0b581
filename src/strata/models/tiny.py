"""A tiny randomly initialised Llama or BERT and its tokenizer: every stage runs in seconds."""

from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from strata import paths
from strata.params.sources import TinySource
from strata.text.bpe import END, train_bpe

VOCABULARY = 512
HEAD_DIM = 16
TOKENIZER_TEXT = paths.ROOT / "data" / "authored" / "paragraphs.txt"


def build(source: TinySource, folder: Path) -> None:
    """Write a model of `source.layers` layers and `source.width` channels in the hub's layout."""
    torch.manual_seed(source.seed)
    made = _bert(source) if source.family == "bert" else _llama(source)
    made.save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def _llama(source: TinySource) -> PreTrainedModel:
    config = LlamaConfig(
        **_shape(source),
        num_key_value_heads=1,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    return LlamaForCausalLM(config)


def _bert(source: TinySource) -> PreTrainedModel:
    return BertModel(BertConfig(**_shape(source)))


def _shape(source: TinySource) -> dict[str, int]:
    return {
        "vocab_size": VOCABULARY,
        "hidden_size": source.width,
        "intermediate_size": 2 * source.width,
        "num_hidden_layers": source.layers,
        "num_attention_heads": max(1, source.width // HEAD_DIM),
        "max_position_embeddings": 1024,
        "pad_token_id": 0,
    }


def tokenizer() -> PreTrainedTokenizerFast:
    """A BPE tokenizer of VOCABULARY tokens, trained on the authored paragraphs."""
    with TOKENIZER_TEXT.open(encoding="utf-8") as lines:
        tokenizer = train_bpe(lines, VOCABULARY, [END])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END
    )
