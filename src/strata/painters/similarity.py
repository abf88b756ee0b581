"""Paper C's Fig. 3: how alike the hidden states of all depths are, and what the measure does.

T + 1 states: state i enters block i, state T leaves the last. Passages are padded on the right to
one length, so that the released measure can be taken as it was.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn
from transformers import PreTrainedModel

from strata.execution import trace
from strata.painters.params import SimilarityParams
from strata.records import Estimate
from strata.statistics import Floats, block_weights, percentile_estimate
from strata.text import TokenBatch

MEASURES = (
    "released",
    "per_token",
    "without_first_token",
    "sink_removed",
    "centred",
    "linear_cka",
)
CKA_TOKENS = 512


@torch.no_grad()
def states(model: PreTrainedModel, batches: Sequence[TokenBatch]) -> list[torch.Tensor]:
    """Hidden states of each batch: (T + 1, B, L, D), float32 on the CPU."""
    traces = (trace(model, batch.to(model.device)) for batch in batches)
    return [torch.stack(each.inputs).float().cpu() for each in traces]


def similarities(
    hidden: Sequence[torch.Tensor], batches: Sequence[TokenBatch]
) -> dict[str, Floats]:
    """Measure -> (passages, T + 1, T + 1); the mean over passages is the figure.

    released: a passage's states flattened over every position, first token and padding included;
    per_token: cosine at each real token; sink_removed: the same without the direction of each
    depth's mean first token; the others leave the first token out; centred: after subtracting each
    depth's mean state; linear_cka: jackknife pseudo-values.
    """
    inner = [_inner(batch.mask_BxL) for batch in batches]
    total = sum(states_[:, mask].sum(dim=1) for states_, mask in zip(hidden, inner, strict=True))
    means_SxD = total / sum(int(mask.sum()) for mask in inner)
    sink_SxD = nn.functional.normalize(sum(each[:, :, 0].sum(dim=1) for each in hidden), dim=-1)
    found: dict[str, list[Floats]] = {measure: [] for measure in MEASURES[:-1]}
    tokens: list[torch.Tensor] = []
    for states_SxBxLxD, batch, mask in zip(hidden, batches, inner, strict=True):
        for row in range(len(batch.rows)):
            own = states_SxBxLxD[:, row]
            real = own[:, batch.mask_BxL[row].bool()]
            without = own[:, mask[row]]
            found["released"].append(_cosine(own.flatten(1)[:, None]))
            found["per_token"].append(_cosine(real))
            found["without_first_token"].append(_cosine(without))
            along_SxN = torch.einsum("snd,sd->sn", real, sink_SxD)
            removed = real - along_SxN[..., None] * sink_SxD[:, None]
            found["sink_removed"].append(_cosine(removed))
            found["centred"].append(_cosine(without - means_SxD[:, None]))
            tokens.append(without)
    result = {measure: np.stack(values) for measure, values in found.items()}
    return result | {"linear_cka": _cka_pseudo_values(tokens)}


def norms(hidden: Sequence[torch.Tensor], batches: Sequence[TokenBatch]) -> tuple[Floats, Floats]:
    """Of each passage the norm of the first token, and the mean norm of the other real ones:
    (S, passages) each."""
    first, others = [], []
    for states_SxBxLxD, batch in zip(hidden, batches, strict=True):
        norms_SxBxL = states_SxBxLxD.norm(dim=-1)
        inner = _inner(batch.mask_BxL)
        first.append(norms_SxBxL[:, :, 0])
        others.append((norms_SxBxL * inner).sum(dim=-1) / inner.sum(dim=-1))
    return torch.cat(first, dim=1).numpy(), torch.cat(others, dim=1).numpy()


def norm_table(first_SxN: Floats, others_SxN: Floats) -> pd.DataFrame:
    """One row a state: both norms, averaged over passages."""
    means = {"first_token": first_SxN.mean(axis=1), "others": others_SxN.mean(axis=1)}
    return pd.DataFrame({"state": range(len(first_SxN)), **means})


def pair_table(values: Floats) -> pd.DataFrame:
    """A row a pair of states, each once: their similarity, averaged over passages."""
    mean = values.mean(axis=0)
    one, other = np.triu_indices(len(mean))
    return pd.DataFrame({"state": one, "other": other, "similarity": mean[one, other]})


def measurements(values: Floats, params: SimilarityParams) -> dict[str, Estimate]:
    """What the ledger judges of one measure, bootstrapped over blocks of passages.

    The middle are the states without a sixth of the depth at either end. middle: mean similarity
    of two different middle states; contrast: that minus the mean of a middle and an outer state.
    """
    count, depth = values.shape[:2]
    edge = max(1, depth // 6)
    middle = np.zeros(depth, dtype=bool)
    middle[edge : depth - edge] = True
    within = values[:, middle][:, :, middle]
    different = ~np.eye(middle.sum(), dtype=bool)
    level = within[:, different].mean(axis=1)
    contrast = level - values[:, middle][:, :, ~middle].mean(axis=(1, 2))
    draws = block_weights(count, params.resamples, params.seed)[1:]
    return {
        key: percentile_estimate(each.mean(), draws @ each / count)
        for key, each in (("middle", level), ("contrast", contrast))
    }


def _inner(mask_BxL: torch.Tensor) -> torch.Tensor:
    """True at real tokens that are not a passage's first."""
    inner = mask_BxL.bool().clone()
    inner[:, 0] = False
    return inner


def _cosine(states_SxNxD: torch.Tensor) -> Floats:
    """Mean over N of the cosine between every two of S states: (S, S)."""
    unit = nn.functional.normalize(states_SxNxD, dim=-1)
    return torch.einsum("snd,tnd->st", unit, unit).numpy() / unit.shape[1]


def _cka_pseudo_values(tokens: Sequence[torch.Tensor]) -> Floats:
    """Jackknife pseudo-values over passages of linear CKA between states: (passages, S, S)."""
    share = max(1, CKA_TOKENS // len(tokens))
    kept = [each[:, :share] for each in tokens]
    owner = np.repeat(np.arange(len(kept)), [each.shape[1] for each in kept])
    stacked = torch.cat(kept, dim=1)
    grams_SxNxN = torch.einsum("snd,smd->snm", stacked, stacked)
    whole = _cka(grams_SxNxN)
    count = len(kept)
    others = (owner != left for left in range(count))
    without = np.stack([_cka(grams_SxNxN[:, rows][:, :, rows]) for rows in others])
    return count * whole - (count - 1) * without


def _cka(grams_SxNxN: torch.Tensor) -> Floats:
    centred = grams_SxNxN - grams_SxNxN.mean(dim=1, keepdim=True)
    flat = (centred - centred.mean(dim=2, keepdim=True)).flatten(1)
    flat = nn.functional.normalize(flat, dim=1)
    return (flat @ flat.T).numpy().astype(float)
