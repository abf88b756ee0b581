"""Causal attention without a mask tensor, for sequences without padding.

Under torch.compile before torch 2.14, transformers builds an explicit mask, which keeps
scaled-dot-product attention from its flash kernel. In training nothing is padded, so causality is
all there is to say.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel

NAME = "strata_causal"


def causal_attention(
    module: nn.Module,
    query_BxHxLxD: torch.Tensor,
    key_BxKxLxD: torch.Tensor,
    value_BxKxLxD: torch.Tensor,
    attention_mask: None,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention interface: output BxLxHxD, and no attention weights."""
    grouped = query_BxHxLxD.is_cuda
    if not grouped:  # the CPU's flash kernel wants as many KV heads as query heads
        groups = module.num_key_value_groups
        key_BxKxLxD = key_BxKxLxD.repeat_interleave(groups, dim=1)
        value_BxKxLxD = value_BxKxLxD.repeat_interleave(groups, dim=1)
    output = nn.functional.scaled_dot_product_attention(
        query_BxHxLxD,
        key_BxKxLxD,
        value_BxKxLxD,
        is_causal=True,
        scale=scaling,
        enable_gqa=grouped,
    )
    return output.transpose(1, 2).contiguous(), None


@contextmanager
def without_masks(model: PreTrainedModel) -> Iterator[None]:
    """Use `causal_attention` in a model; its own attention comes back, also after an error."""
    before = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


AttentionInterface.register(NAME, causal_attention)
