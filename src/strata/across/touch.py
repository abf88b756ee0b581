"""Does ablation importance (paper A) say which layers paper C's variants may touch?

Importance is what an ablation costs in nats per token; harm is the LAMBADA accuracy that leaving a
layer out, or swapping it with the next, costs. A swap is compared with the mean of its two layers.
"""

from collections.abc import Mapping

import pandas as pd

from strata.across.association import (
    PERMUTED,
    between_neighbours,
    closeness_to_an_end,
    correlation,
    mean_correlation,
    mean_correlations,
    nats_per_token,
    permuted,
)
from strata.across.params import AcrossPapersParams
from strata.across.runs import LwsRuns
from strata.anatomy.ablation import READINGS
from strata.evidence import MODEL, RANDOM, Measurements
from strata.painters.single_layer import CHANGES, EDGE
from strata.statistics import Floats, block_weights, columns, estimate, resampling_weights

POSITION = "closeness_to_an_end"


def importance(nll: pd.DataFrame, params: AcrossPapersParams) -> dict[tuple[str, str], Floats]:
    """(subject, reading) -> nats per token of each ablated layer (T, 1 + B), from paper A's
    passages (ablation_nll.csv)."""
    found = {}
    for (subject, reading), rows in nll.groupby(["subject", "reading"], sort=False):
        times = block_weights(len(rows), params.resamples, params.seed)
        ablated = rows.filter(like="nll_L").to_numpy().T
        base, tokens = rows["nll"].to_numpy(), rows["tokens"].to_numpy(float)
        found[subject, reading] = nats_per_token(ablated, base, tokens, times)
    return found


def harm(items: pd.DataFrame, params: AcrossPapersParams) -> dict[str, Floats]:
    """skip -> (T, 1 + B), swap -> (T - 1, 1 + B): accuracy lost (single_layer_items.csv)."""
    times = resampling_weights(len(items), params.resamples, params.seed + 1)
    full = times @ items["full"].to_numpy() / len(items)
    return {
        change: full - items.filter(like=f"{change}.").to_numpy().T @ times.T / len(items)
        for change in CHANGES
    }


def measurements(
    important: Mapping[tuple[str, str], Floats],
    harmed: Mapping[str, Floats],
    params: AcrossPapersParams,
) -> Measurements:
    """Rank correlation of importance and harm, over all layers and without two at either end.

    Nulls: the importance that the null models' ablation gives, layers in random order, and how
    near a layer is to an end, also as a paired difference.
    """
    measured: Measurements = {}
    subjects = list(dict.fromkeys(subject for subject, _ in important))
    for change, harms in harmed.items():
        for inner in (False, True):
            kept = slice(EDGE, -EDGE) if inner else slice(None)
            near = _aligned(closeness_to_an_end(len(harmed["skip"])), change)[kept]
            rival = correlation(near, harms[kept])
            for reading in READINGS:
                key = f"touch.{'inner_' * inner}{change}.{reading}"
                pairs = {
                    subject: (_aligned(important[subject, reading], change)[kept], harms[kept])
                    for subject in subjects
                }
                measured[key] = {
                    **{subject: mean_correlation([pair]) for subject, pair in pairs.items()},
                    PERMUTED: permuted([pairs[MODEL]], params.permutations, params.seed),
                    POSITION: estimate(rival),
                }
                ahead = correlation(*pairs[MODEL]) - rival
                measured[f"{key}.beyond_position"] = {MODEL: estimate(ahead)}
    return measured


def lws_measurements(runs: LwsRuns, params: AcrossPapersParams) -> Measurements:
    """The same on paper B's models: a layer left out against a swap, both in nats per token."""
    pairs = {
        subject: [
            (between_neighbours(run.importance), run.swaps)
            for model in runs.models
            for run in runs.of(model, subject).values()
        ]
        for subject in (MODEL, RANDOM)
    }
    pairs[POSITION] = [
        (between_neighbours(closeness_to_an_end(len(swaps) + 1)), swaps)
        for _, swaps in pairs[MODEL]
    ]
    measured = mean_correlations(pairs)
    measured[PERMUTED] = permuted(pairs[MODEL], params.permutations, params.seed)
    return {"touch.swap.lws_models": measured}


def table(
    important: Mapping[tuple[str, str], Floats], harmed: Mapping[str, Floats]
) -> pd.DataFrame:
    """A row a change, reading and layer (or pair, by its first): importance and accuracy lost."""
    rows = []
    for change, harms in harmed.items():
        for reading in READINGS:
            aligned = _aligned(important[MODEL, reading], change)
            for layer, (cost, lost) in enumerate(zip(aligned, harms, strict=True)):
                row = {"change": change, "reading": reading, "layer": layer}
                found = columns("importance", estimate(cost)) | columns("harm", estimate(lost))
                rows.append(row | found)
    return pd.DataFrame(rows)


def _aligned(profile: Floats, change: str) -> Floats:
    return between_neighbours(profile) if change == "swap" else profile
