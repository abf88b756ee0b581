"""Reading an encoder: what its classifier sees, computed once for every schedule.

Shapes: S schedules, N examples, B rows of a batch, L tokens, D channels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from strata.execution import sweep
from strata.models import ModelError
from strata.painters.params import Pooling
from strata.schedules import Schedule


class EncodedBatch(NamedTuple):
    """B texts or pairs, right-padded to L tokens.

    rows: their positions; segments_BxL: 1 in the second text, None where the model knows none.
    """

    rows: list[int]
    ids_BxL: torch.Tensor
    mask_BxL: torch.Tensor
    segments_BxL: torch.Tensor | None

    def to(self, device: torch.device) -> "EncodedBatch":
        moved = (None if tensor is None else tensor.to(device) for tensor in self[1:])
        return EncodedBatch(self.rows, *moved)


def encoded(
    texts: Sequence[tuple[str, ...]], rows: Sequence[int], tokenizer: Tokenizer, max_tokens: int
) -> EncodedBatch:
    """Tokenise the given rows of `texts`, singly or in pairs, cut to `max_tokens`."""
    columns = [list(column) for column in zip(*(texts[row] for row in rows), strict=True)]
    found = tokenizer(
        *columns, padding=True, truncation=True, max_length=max_tokens, return_tensors="pt"
    )
    return EncodedBatch(
        list(rows), found["input_ids"], found["attention_mask"], found.get("token_type_ids")
    )


def batches(
    texts: Sequence[tuple[str, ...]], tokenizer: Tokenizer, batch_size: int, max_tokens: int
) -> list[EncodedBatch]:
    """All texts in batches of about equal length, so that little is padding."""
    order = sorted(range(len(texts)), key=lambda row: sum(map(len, texts[row])))
    parts = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [encoded(texts, rows, tokenizer, max_tokens) for rows in parts]


def pooled(
    model: PreTrainedModel, hidden_BxLxD: torch.Tensor, mask_BxL: torch.Tensor, pooling: Pooling
) -> torch.Tensor:
    """What the classifier reads, BxD: the model's pooler on the first token, or the mean.

    Raises:
        ModelError: `pooler` is asked of a model that has none.
    """
    if pooling == "mean":
        weights_BxLx1 = mask_BxL.unsqueeze(-1).to(hidden_BxLxD.dtype)
        return (hidden_BxLxD * weights_BxLx1).sum(dim=1) / weights_BxLx1.sum(dim=1)
    pooler = getattr(model, "pooler", None)
    if not isinstance(pooler, nn.Module):
        raise ModelError(
            f"{type(model).__name__} has no pooler on its first token; set painters_glue.pooling "
            f"to mean"
        )
    return pooler(hidden_BxLxD)


def features(
    model: PreTrainedModel,
    schedules: Sequence[Schedule],
    parts: Sequence[EncodedBatch],
    pooling: Pooling,
    memory_gib: float,
) -> torch.Tensor:
    """What the classifier reads of every example under every schedule: SxNxD, on the CPU.

    Prefixes that schedules share run once.

    Raises:
        ScheduleError: a schedule is for another depth.
        ModelError: see `pooled`.
    """

    def readout(
        model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: EncodedBatch
    ) -> torch.Tensor:
        return pooled(model, hidden_BxLxD, batch.mask_BxL, pooling).float().cpu()

    swept = sweep(model, schedules, parts, readout, memory_gib)
    order = torch.tensor([row for part in parts for row in part.rows]).argsort()
    return torch.stack([torch.cat(found)[order] for found in swept])
