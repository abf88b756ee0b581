"""Perplexity of passages, as every experiment of paper A measures it."""

from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedModel

from strata.execution import passage_nll, trace
from strata.statistics import Floats
from strata.text import TokenBatch


class Measured(NamedTuple):
    """Scored tokens (n,) and summed negative log-likelihood in nats (n,) of n passages."""

    tokens: Floats
    nll: Floats

    @property
    def perplexity(self) -> float:
        return float(perplexity(self.nll, self.tokens))


@torch.no_grad()
def measure(model: PreTrainedModel, batches: list[TokenBatch]) -> Measured:
    """Score every passage under the model as it stands."""
    passages = sum(len(batch.rows) for batch in batches)
    tokens, nll = np.zeros(passages), np.zeros(passages)
    for batch in (batch.to(model.device) for batch in batches):
        tokens[batch.rows] = (batch.mask_BxL.sum(dim=1) - 1).cpu()
        nll[batch.rows] = passage_nll(model, trace(model, batch).inputs[-1], batch).cpu()
    return Measured(tokens, nll)


def perplexity(nll: Floats, tokens: Floats, axis: int = -1) -> Floats:
    """exp(nats per token) over the passages along `axis`."""
    return np.exp(nll.sum(axis=axis) / tokens.sum(axis=axis))


def perplexity_change(edited: Floats, base: Floats, tokens: Floats, axis: int = -1) -> Floats:
    """Change of perplexity in percent of the untouched model's."""
    difference = (edited - base).sum(axis=axis) / tokens.sum(axis=axis)
    return 100 * np.expm1(difference)
