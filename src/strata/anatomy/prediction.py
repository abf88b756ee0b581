"""The functional test of weight prediction: how does a model run on predicted layers?"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from transformers import PreTrainedModel

from strata.anatomy.perplexity import Measured, measure
from strata.anatomy.weights import hat_matrix, stacks
from strata.execution import TracedBatch
from strata.models import blocks
from strata.surgery import predicted

Predictor = Literal["neighbour_average", "polynomial"]


class Replacement(NamedTuple):
    """`count` layers replaced by their predictions: which, how chosen, and the result."""

    predictor: Predictor
    choice: str
    layers: tuple[int, ...]
    measured: Measured


def choices(depth: int, count: int, draws: int, seed: int) -> dict[str, tuple[int, ...]]:
    """Ways to pick `count` of the inner layers 1..depth-2: in a row, spaced evenly, at random.

    Raises:
        ValueError: there are fewer inner layers than `count`.
    """
    inner = depth - 2
    if not 1 <= count <= inner:
        raise ValueError(f"cannot replace {count} layers, expected 1 to {inner}")
    start = 1 + (inner - count) // 2
    spaced = 1 + np.round((np.arange(count) + 0.5) * inner / count - 0.5).astype(int)
    generator = np.random.default_rng([seed, count])
    picks = {"in_a_row": tuple(range(start, start + count)), "spaced": tuple(spaced.tolist())}
    for draw in range(draws):
        random = generator.permutation(inner)[:count] + 1
        picks[f"random_{draw}"] = tuple(sorted(random.tolist()))
    return picks


def run_on_predictions(
    model: PreTrainedModel,
    passages: Sequence[TracedBatch],
    picks: list[tuple[str, tuple[int, ...]]],
    predictor: Predictor,
) -> list[Replacement]:
    """Score the passages, traced on the model as it is, with each pick's layers replaced.

    Predictions use the original weights; picks of the same layers are run once.
    """
    values = _predictions(model, predictor)
    measured: dict[tuple[int, ...], Measured] = {}
    for _, layers in picks:
        if layers not in measured:
            with predicted(model, {layer: values[layer] for layer in layers}):
                measured[layers] = measure(model, passages, min(layers))
    return [Replacement(predictor, choice, layers, measured[layers]) for choice, layers in picks]


def _predictions(
    model: PreTrainedModel, predictor: Predictor
) -> Mapping[int, dict[str, torch.Tensor]]:
    """Inner layer -> parameter name -> predicted value."""
    layers = blocks(model)
    shapes = {name: value.shape for name, value in layers[0].named_parameters()}
    predictions: dict[int, dict[str, torch.Tensor]] = {i: {} for i in range(1, len(layers) - 1)}
    for name, stack in stacks(layers).items():
        if predictor == "neighbour_average":
            values = (stack[:-2] + stack[2:]) / 2
        else:
            values = (hat_matrix(len(stack)).to(stack) @ stack)[1:-1]
        for layer, value in enumerate(values, start=1):
            predictions[layer][name] = value.view(shapes[name])
    return predictions
