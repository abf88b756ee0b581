"""torch.compile by region: each decoder block, the final norm and the loss.

Blocks of equal widths share one compiled graph, within a model and across models of one process, so
a variant costs only the shapes that no variant before it had.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import nn
from transformers import PreTrainedModel

GRAPHS = 256  # of one function, before the compiler gives up on it


def next_token_loss(logits_BxLxV: torch.Tensor, ids_BxL: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy in fp32 of every token after the first."""
    return nn.functional.cross_entropy(
        logits_BxLxV[:, :-1].flatten(0, 1).float(), ids_BxL[:, 1:].flatten()
    )


@cache
def compiled_loss() -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """`next_token_loss` as one graph a shape, kept for all models of the process."""
    return torch.compile(next_token_loss, dynamic=False)


@contextmanager
def compiled(model: PreTrainedModel) -> Iterator[None]:
    """Compile a model's blocks and final norm; on leaving, it is called as it was before."""
    body = model.base_model
    regions = [*body.layers, body.norm]
    limits = {"recompile_limit": GRAPHS, "accumulated_recompile_limit": GRAPHS * len(regions)}
    for region in regions:
        region.compile(dynamic=False)
    try:
        with torch._dynamo.config.patch(limits):
            yield
    finally:
        for region in regions:
            region._compiled_call_impl = None
