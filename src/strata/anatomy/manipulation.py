"""Six ways to tamper with redundant layers, scaling among them: which keep the model usable?

Paper A names only scaling (alpha = 0.9) of its five manipulations. The others are reasonable
readings: neighbour average, predicted, shared, randomised and zeroed weights. Scaling is read in
two ways (the whole layer, or its output projections), and every one is tried on one layer at a time
and on all chosen layers at once.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
import pandas as pd
from transformers import PreTrainedModel

from strata import surgery
from strata.anatomy.perplexity import Measured, measure, perplexity_change
from strata.anatomy.weights import hat_matrix, stacks
from strata.execution import TracedBatch
from strata.models import blocks
from strata.params import ParamsError
from strata.records import Estimate
from strata.statistics import Bootstrap, block_bootstrap, percentile_estimate

PUBLISHED_ALPHA = 0.9
UNTOUCHED_ALPHA = 1.0
OUTPUT_PROJECTIONS = ("o_proj", "down_proj", "dense_4h_to_h", "attention.dense")


class Manipulated(NamedTuple):
    """One strategy on one set of layers, and the result."""

    strategy: str
    alpha: float | None
    layers: tuple[int, ...]
    measured: Measured


def redundant(importance: Sequence[float], count: int) -> tuple[int, ...]:
    """The `count` layers whose ablation costs least, in depth order.

    Raises:
        ParamsError: there are fewer.
    """
    if count > len(importance):
        raise ParamsError(
            f"anatomy_manipulation.redundant: expected at most the {len(importance)} layers of the "
            f"model, found {count}"
        )
    return tuple(sorted(np.argsort(importance)[:count].tolist()))


def manipulate(
    model: PreTrainedModel,
    passages: Sequence[TracedBatch],
    layers: tuple[int, ...],
    alphas: Sequence[float],
    seed: int,
) -> list[Manipulated]:
    """Score the passages, traced on the model as it is, under every strategy on the layers."""
    results = []
    for strategy, alpha, edit in _strategies(model, layers, alphas, seed):
        start = len(blocks(model)) if alpha == UNTOUCHED_ALPHA else min(layers)
        with edit:
            results.append(Manipulated(strategy, alpha, layers, measure(model, passages, start)))
    return results


def _strategies(
    model: PreTrainedModel, layers: tuple[int, ...], alphas: Sequence[float], seed: int
) -> Iterator[tuple[str, float | None, AbstractContextManager[None]]]:
    yield "neighbour_average", None, surgery.neighbour_average(model, layers)
    yield "predicted", None, surgery.predicted(model, _cubic_predictions(model, layers))
    yield "shared", None, surgery.shared(model, layers, source=_giver(model, layers))
    yield "randomised", None, surgery.randomised(model, layers, seed)
    yield "zeroed", None, surgery.zeroed(model, layers)
    for alpha in alphas:
        yield "scaled", alpha, surgery.scaled(model, layers, alpha)
        yield "scaled_output", alpha, surgery.scaled(model, layers, alpha, OUTPUT_PROJECTIONS)


def _giver(model: PreTrainedModel, layers: tuple[int, ...]) -> int:
    """The layer whose weights are shared: the first of several, or a lone layer's neighbour."""
    if len(layers) > 1:
        return layers[0]
    return layers[0] + (1 if layers[0] + 1 < len(blocks(model)) else -1)


def _cubic_predictions(
    model: PreTrainedModel, layers: tuple[int, ...]
) -> dict[int, dict[str, object]]:
    """Layer -> its parameters as a cubic over depth, fitted to each weight in sample, has them."""
    shapes = {name: value.shape for name, value in blocks(model)[0].named_parameters()}
    values = {
        name: hat_matrix(len(stack)).to(stack)[list(layers)] @ stack
        for name, stack in stacks(blocks(model)).items()
    }
    return {
        layer: {name: value[row].view(shapes[name]) for name, value in values.items()}
        for row, layer in enumerate(layers)
    }


def layer_sets(found: tuple[int, ...], named: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All redundant layers at once, those the paper names at once, and each of them alone."""
    alone = [(layer,) for layer in sorted({*found, *named})]
    return list(dict.fromkeys([found, named, *alone]))


def changes(results: list[Manipulated], base: Measured, resamples: int, seed: int) -> Bootstrap:
    """Perplexity change in percent of every result, bootstrapped over blocks of passages."""
    edited = np.stack([result.measured.nll for result in results])
    samples = edited, base.nll[None], base.tokens[None]
    return block_bootstrap(perplexity_change, *samples, resamples=resamples, seed=seed)


def result_table(results: list[Manipulated], boot: Bootstrap) -> pd.DataFrame:
    """One row a set of layers and strategy: perplexity and its change in percent."""
    return pd.DataFrame(
        {
            "layers": [" ".join(map(str, result.layers)) for result in results],
            "strategy": [result.strategy for result in results],
            "alpha": [result.alpha for result in results],
            "perplexity": [result.measured.perplexity for result in results],
            "change_percent": boot.value,
            "change_low": boot.low,
            "change_high": boot.high,
        }
    )


def measurements(
    results: list[Manipulated], boot: Bootstrap, found: tuple[int, ...]
) -> dict[str, Estimate]:
    """The cost of scaling all redundant layers by 0.9, and the least of the others' over it."""
    rows = {
        (result.strategy, result.alpha): row
        for row, result in enumerate(results)
        if result.layers == found
    }
    others = [row for (_, alpha), row in rows.items() if alpha is None]
    measured = {}
    for strategy, prefix in (("scaled", ""), ("scaled_output", "output.")):
        row = rows[strategy, PUBLISHED_ALPHA]
        measured[f"{prefix}scaled_change"] = boot.estimate(row)
        measured[f"{prefix}others_over_scaled"] = percentile_estimate(
            boot.value[others].min() / abs(boot.value[row]),
            boot.draws[others].min(axis=0) / np.abs(boot.draws[row]),
        )
    return measured
