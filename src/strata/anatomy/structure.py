"""What each layer looks like, in its weights and in the residual stream, without ablating it.

The first token of a passage is a known outlier (its norm can be a hundred times the others'), so
every measure of the stream is given with it and without.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from scipy import stats
from statsmodels.stats.multitest import multipletests
from tqdm import tqdm
from transformers import PreTrainedModel

from strata.execution import trace
from strata.models import blocks
from strata.statistics import Floats, paired_bootstrap, spearman
from strata.surgery import matrices
from strata.text import TokenBatch

STREAM = ("norm_in", "norm_out", "cosine", "update_ratio")


def weight_structure(model: PreTrainedModel, label: str = "") -> pd.DataFrame:
    """One row a layer and matrix: Frobenius norm, effective rank and stable rank.

    Effective rank: exp of the entropy of the singular values' shares (Roy and Vetterli, 2007).
    Stable rank: squared Frobenius over squared spectral norm.
    """
    rows = []
    for layer, block in enumerate(tqdm(blocks(model), desc=f"singular values {label}")):
        for name, matrix in matrices(block).items():
            values = _singular_values(matrix.flatten(0, -2)).cpu().numpy()
            rows.append({"layer": layer, "matrix": name.split(".")[-2], **_ranks(values)})
    return pd.DataFrame(rows)


def reordered(weights: pd.DataFrame, order: Sequence[int]) -> pd.DataFrame:
    """The rows of `weight_structure` if layer order[i] stood at place i."""
    places = {layer: place for place, layer in enumerate(order)}
    moved = weights.assign(layer=weights["layer"].map(places))
    return moved.sort_values("layer", kind="stable", ignore_index=True)


def _singular_values(matrix: torch.Tensor) -> torch.Tensor:
    """From the smaller of the two Gram matrices: a third of the time of a decomposition, and in
    float64 exact to 1e-8 of the greatest."""
    wide = (matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T).double()
    return torch.linalg.eigvalsh(wide @ wide.T).clamp(min=0).sqrt()


def _ranks(singular_values: Floats) -> dict[str, float]:
    shares = singular_values[singular_values > 0] / singular_values.sum()
    squares = (singular_values**2).sum()
    return {
        "norm": float(np.sqrt(squares)),
        "effective_rank": float(np.exp(-(shares * np.log(shares)).sum())),
        "stable_rank": float(squares / singular_values.max() ** 2),
    }


@torch.no_grad()
def stream_structure(model: PreTrainedModel, batches: list[TokenBatch]) -> pd.DataFrame:
    """One row a layer: means over tokens of the stream's norm in and out, cosine, update ratio.

    Columns end in `_all` (every token) or `_rest` (without each passage's first token).
    """
    depth = len(blocks(model))
    totals = {which: np.zeros((depth, len(STREAM))) for which in ("all", "rest")}
    counts = dict.fromkeys(totals, 0)
    for batch in (batch.to(model.device) for batch in batches):
        states = trace(model, batch).inputs
        real = batch.mask_BxL.bool()
        later = real.clone()
        later[:, 0] = False
        for which, chosen in (("all", real), ("rest", later)):
            counts[which] += int(chosen.sum())
            for layer, (before, after) in enumerate(pairwise(states)):
                totals[which][layer] += _stream(before[chosen], after[chosen])
    columns = {
        f"{name}_{which}": totals[which][:, place] / counts[which]
        for which in totals
        for place, name in enumerate(STREAM)
    }
    return pd.DataFrame({"layer": np.arange(depth), **columns})


def _stream(before_NxD: torch.Tensor, after_NxD: torch.Tensor) -> Floats:
    """Sums over N tokens of the four measures."""
    norm_in, norm_out = before_NxD.norm(dim=1), after_NxD.norm(dim=1)
    cosine = torch.nn.functional.cosine_similarity(before_NxD, after_NxD, dim=1)
    ratio = (after_NxD - before_NxD).norm(dim=1) / norm_in
    return torch.stack([norm_in, norm_out, cosine, ratio]).double().sum(dim=1).cpu().numpy()


def layer_features(weights: pd.DataFrame, stream: pd.DataFrame) -> pd.DataFrame:
    """One row a layer, one column a statistic: weight statistics averaged over matrices."""
    averaged = weights.groupby("layer")[["norm", "effective_rank", "stable_rank"]].mean()
    return averaged.add_prefix("weight_").join(stream.set_index("layer"))


def predict_importance(
    features: pd.DataFrame, importance: Floats, resamples: int, seed: int
) -> pd.DataFrame:
    """Which statistic ranks layers as ablation does? One row a statistic.

    Spearman correlation over the T layers with a bootstrap interval over layers, its p-value and
    the p-value corrected (Holm) for having tried every statistic.
    """
    rows = []
    for name, values in features.items():
        pairs = values.to_numpy()[None], np.asarray(importance, dtype=float)[None]
        found = paired_bootstrap(spearman, *pairs, resamples=resamples, seed=seed).estimate()
        constant = values.nunique() == 1
        p_value = 1.0 if constant else stats.spearmanr(values, importance).pvalue
        rows.append((name, *found, p_value))
    table = pd.DataFrame(rows, columns=["statistic", "spearman", "low", "high", "p"])
    table["p_holm"] = multipletests(table["p"], method="holm")[1]
    return table
