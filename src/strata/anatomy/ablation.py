"""Paper A's per-layer ablation: what does each layer's own weight add?

Readings: `neighbour_average` is the paper's (the layer's weights become the mean of its two
neighbours'); `skip` leaves the layer out.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm
from transformers import PreTrainedModel

from strata.anatomy.params import AblationParams
from strata.anatomy.perplexity import perplexity, perplexity_change
from strata.execution import Trace, passage_nll, resume, trace
from strata.models import blocks
from strata.records import Estimate
from strata.statistics import (
    Bootstrap,
    Floats,
    block_bootstrap,
    columns,
    debiased_range,
    percentile_estimate,
    proportion,
    sign_tests,
    subsets,
)
from strata.surgery import neighbour_average
from strata.text import TokenBatch

Reading = Literal["neighbour_average", "skip"]
READINGS: tuple[Reading, ...] = ("neighbour_average", "skip")

CORE = (8, 9, 10, 11)
ANTI = (14, 17)
INNER = slice(2, -1)  # without the two layers at the input and the one at the output


class Ablation(NamedTuple):
    """Summed negative log-likelihoods in nats of n passages, untouched and per ablated layer.

    tokens (n,): scored tokens of each passage; base (n,); ablated (T, n).
    """

    tokens: Floats
    base: Floats
    ablated: Floats


@torch.no_grad()
def ablate(
    model: PreTrainedModel, batches: list[TokenBatch], reading: Reading, label: str = ""
) -> Ablation:
    """Ablate every layer in turn on the same passages.

    What enters a layer does not depend on that layer, so each batch is traced once and every
    ablation resumes from its own layer.
    """
    layers = blocks(model)
    passages = sum(len(batch.rows) for batch in batches)
    tokens, base = np.zeros(passages), np.zeros(passages)
    result = Ablation(tokens, base, ablated=np.zeros((len(layers), passages)))
    with tqdm(total=len(batches) * len(layers), desc=f"ablate {label} {reading}") as bar:
        for batch in (batch.to(model.device) for batch in batches):
            traced = trace(model, batch)
            result.tokens[batch.rows] = (batch.mask_BxL.sum(dim=1) - 1).cpu()
            result.base[batch.rows] = passage_nll(model, traced.inputs[-1], batch).cpu()
            for layer in range(len(layers)):
                hidden = _without(model, traced, layer, reading)
                result.ablated[layer, batch.rows] = passage_nll(model, hidden, batch).cpu()
                bar.update()
    return result


def _without(model: PreTrainedModel, traced: Trace, layer: int, reading: Reading) -> torch.Tensor:
    layers = blocks(model)
    if reading == "skip":
        return resume(layers, traced, traced.inputs[layer], layer + 1)
    with neighbour_average(model, layer):
        return resume(layers, traced, traced.inputs[layer], layer)


def analyse(
    ablation: Ablation, params: AblationParams
) -> tuple[dict[str, pd.DataFrame], dict[str, Estimate]]:
    """The tables by name (a row a layer, a layer over small draws, a passage), with intervals over
    passages and many draws of the paper's evaluation size; and what the ledger judges."""
    changes = bootstrap_changes(ablation, params.resamples, params.seed)
    small = small_sample_changes(ablation, params.draw_size, params.draws, params.seed)
    tables = {
        "ablation": layer_table(ablation, changes),
        "ablation_small_draws": small_sample_table(small),
        "ablation_nll": passage_table(ablation),
    }
    return tables, measurements(ablation, changes, small, params.seed)


def bootstrap_changes(ablation: Ablation, resamples: int, seed: int) -> Bootstrap:
    """Perplexity change of each layer, percent, bootstrapped over blocks of passages."""
    samples = ablation.ablated, ablation.base[None], ablation.tokens[None]
    return block_bootstrap(perplexity_change, *samples, resamples=resamples, seed=seed)


def layer_table(ablation: Ablation, changes: Bootstrap) -> pd.DataFrame:
    """One row a layer: perplexity, its change in percent with interval, sign test for below 0."""
    differences = ablation.ablated - ablation.base
    return pd.DataFrame(
        {
            "layer": np.arange(len(ablation.ablated)),
            "passages": ablation.base.size,
            "perplexity": perplexity(ablation.ablated, ablation.tokens[None]),
            "change_percent": changes.value,
            "change_low": changes.low,
            "change_high": changes.high,
            "passages_improved": (differences < 0).sum(axis=1),
            "anti_sign_p_holm": sign_tests(differences),
        }
    )


def passage_table(ablation: Ablation) -> pd.DataFrame:
    """One row a passage: scored tokens and summed nats, untouched and per ablated layer."""
    table = pd.DataFrame({"tokens": ablation.tokens.astype(int), "nll": ablation.base})
    without = pd.DataFrame(ablation.ablated.T).add_prefix("nll_L")
    return table.join(without).rename_axis("passage").reset_index()


def small_sample_changes(ablation: Ablation, size: int, draws: int, seed: int) -> Floats:
    """Perplexity change of each layer in each random draw of `size` passages: (T, draws)."""
    picks = subsets(ablation.base.size, size, draws, seed)
    return perplexity_change(
        ablation.ablated[:, picks], ablation.base[picks], ablation.tokens[picks], axis=-1
    )


def small_sample_table(changes: Floats) -> pd.DataFrame:
    """One row a layer: how often a draw calls it an anti-layer, and the spread over draws."""
    rates = [columns("anti_rate", proportion(int((row < 0).sum()), row.size)) for row in changes]
    quantiles = np.quantile(changes, (0.025, 0.25, 0.5, 0.75, 0.975), axis=1)
    names = ("change_q025", "change_q25", "change_median", "change_q75", "change_q975")
    spread = dict(zip(names, quantiles, strict=True))
    return pd.DataFrame(rates).assign(**spread).rename_axis("layer").reset_index()


def measurements(
    ablation: Ablation, changes: Bootstrap, small: Floats, seed: int
) -> dict[str, Estimate]:
    """Everything the ledger judges about one ablation, by key, with joint 95% intervals.

    Args:
        small: changes in small draws (T, draws), as from `small_sample_changes`.
    """
    samples = ablation.base[None], ablation.tokens[None]
    resamples = changes.draws.shape[1]
    base = block_bootstrap(perplexity, *samples, resamples=resamples, seed=seed)
    named = [layer for layer in (*CORE, *ANTI) if layer < len(changes.value)]
    any_anti = int((small < 0).any(axis=0).sum())
    return {
        "baseline_perplexity": base.estimate(),
        "some_anti_layer_in_small_draw": proportion(any_anti, small.shape[1]),
        **{f"change_L{layer}": changes.estimate(layer) for layer in named},
        **_joint(changes),
    }


def _joint(changes: Bootstrap) -> dict[str, Estimate]:
    """Statistics of the whole profile: which layers lead, and how far apart they lie."""
    statistics: dict[str, Callable[[Floats], Floats]] = {
        "peak_layer": lambda c: c.argmax(axis=0),
        "inner_peak_layer": lambda c: c[INNER].argmax(axis=0) + INNER.start,
        "core_among_top_four": _core_among_top_four,
        "core_among_inner_top_four": lambda c: _core_among_top_four(c[INNER], INNER.start),
    }
    return {
        key: percentile_estimate(statistic(changes.value[:, None])[0], statistic(changes.draws))
        for key, statistic in statistics.items()
    } | {
        "log10_range": debiased_range(
            *(np.log10(np.abs(c)) for c in (changes.value, changes.draws))
        )
    }


def _core_among_top_four(changes: Floats, first_layer: int = 0) -> Floats:
    top = np.argsort(-changes, axis=0)[: len(CORE)] + first_layer
    return np.isin(top, CORE).sum(axis=0)
