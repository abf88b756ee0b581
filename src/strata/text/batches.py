"""Passages to padded token batches."""

from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerBase

from strata.text.passages import TextError


class TokenBatch(NamedTuple):
    """B passages of up to L tokens, padded on the right.

    rows: position of each passage in the list it came from; ids_BxL; mask_BxL: 1 where a token is.
    """

    rows: list[int]
    ids_BxL: torch.Tensor
    mask_BxL: torch.Tensor

    def to(self, device: torch.device) -> "TokenBatch":
        return TokenBatch(self.rows, self.ids_BxL.to(device), self.mask_BxL.to(device))


def batches(
    passages: list[str],
    tokenizer: PreTrainedTokenizerBase,
    batch_size: int,
    max_tokens: int,
) -> list[TokenBatch]:
    """Tokenise without special tokens (no BOS), cut at `max_tokens`, group by length.

    A special token that is spelt out in a passage is text.

    Raises:
        TextError: a passage has fewer than two tokens, so nothing in it can be predicted.
    """
    plain = {"add_special_tokens": False, "split_special_tokens": True}
    tokens = [ids[:max_tokens] for ids in tokenizer(passages, **plain)["input_ids"]]
    for row, ids in enumerate(tokens):
        if len(ids) < 2:
            raise TextError(f"passage {row + 1} has {len(ids)} tokens, expected at least 2")
    order = sorted(range(len(tokens)), key=lambda row: (len(tokens[row]), row))
    return [
        _padded(order[start : start + batch_size], tokens)
        for start in range(0, len(order), batch_size)
    ]


def _padded(rows: list[int], tokens: list[list[int]]) -> TokenBatch:
    length = max(len(tokens[row]) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.zeros(len(rows), length, dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(tokens[row])] = torch.tensor(tokens[row])
        mask[place, : len(tokens[row])] = 1
    return TokenBatch(rows, ids, mask)
