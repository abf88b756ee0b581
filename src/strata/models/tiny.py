"""A tiny randomly initialised Llama and its tokenizer, so that every stage runs in seconds."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from strata import paths
from strata.params import TinySource

VOCABULARY = 512
HEAD_DIM = 16
END = "<|endoftext|>"
TOKENIZER_TEXT = paths.ROOT / "data" / "authored" / "paragraphs.txt"


def build(source: TinySource, folder: Path) -> None:
    """Write a model of `source.layers` layers and `source.width` channels in the hub's layout."""
    torch.manual_seed(source.seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=source.width,
        intermediate_size=2 * source.width,
        num_hidden_layers=source.layers,
        num_attention_heads=max(1, source.width // HEAD_DIM),
        num_key_value_heads=1,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train([str(TOKENIZER_TEXT)], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END
    )
