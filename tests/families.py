"""Tiny random models of every decoder that transformers can build, and whether each works here.

`python tests/families.py` tries all of them and writes docs/models.md.
"""

from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

LAYERS, VOCABULARY, LARGEST = 6, 61, 20_000_000
# what configurations call their sizes; each takes those that it has
NAMES = {
    LAYERS: "num_hidden_layers num_layers decoder_layers encoder_layers",
    VOCABULARY: "vocab_size vocab_size_per_layer_input",
    64: "max_position_embeddings n_positions",
    48: "intermediate_size decoder_ffn_dim encoder_ffn_dim ffn_hidden_size n_inner dim_ff "
    "moe_intermediate_size shared_expert_intermediate_size shared_intermediate_size",
    32: "hidden_size d_model word_embed_proj_dim embedding_size",
    16: "kv_lora_rank q_lora_rank mamba_d_head mamba_head_dim",
    8: "head_dim v_head_dim qk_rope_head_dim qk_nope_head_dim linear_key_head_dim d_head "
    "linear_value_head_dim mamba_d_state sliding_window",
    4: "rotary_dim num_attention_heads decoder_attention_heads num_heads encoder_attention_heads mamba_n_heads "
    "linear_num_value_heads mamba_num_heads n_mamba_heads num_experts num_local_experts "
    "n_routed_experts moe_num_experts",
    2: "num_key_value_heads linear_num_key_heads num_kv_heads num_experts_per_tok moe_topk "
    "top_k_experts moe_k",
    1: "expand num_kv_shared_layers n_shared_experts n_group topk_group mamba_n_groups n_groups",
}
SIZES: dict[str, Any] = {name: size for size, names in NAMES.items() for name in names.split()}
