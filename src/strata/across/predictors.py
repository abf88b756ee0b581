"""Which cheap statistic predicts a layer's importance in a model it was not chosen on?

A statistic's sign is learned on all other models; its score on a model is its rank correlation with
importance there, times that sign. Position and size, which need no measurement, are rivals.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from strata.across.association import PERMUTED, closeness_to_an_end, correlation, null_range
from strata.across.params import AcrossPapersParams
from strata.across.runs import LwsRuns
from strata.evidence import MODEL, RANDOM, Measurements
from strata.statistics import Floats, mean_estimate

CHOSEN = "best_on_the_others"
RIVALS = ("layer", "closeness_to_an_end", "parameters")


class Layers(NamedTuple):
    """A model's layers: statistics (T rows, a column each) and importance (T,)."""

    features: pd.DataFrame
    importance: Floats


def lws_layers(runs: LwsRuns, subject: str) -> dict[str, list[Layers]]:
    """Paper B's models, each with all its runs."""
    return {
        model: [
            Layers(with_rivals(run.features, run.parameters), run.importance[:, 0])
            for run in runs.of(model, subject).values()
        ]
        for model in runs.models
    }


def smollm2_layers(
    structure: pd.DataFrame, important: Mapping[tuple[str, str], Floats], subject: str
) -> list[Layers]:
    """Paper A's model or a null of it (structure.csv), with layers left out as in paper B's."""
    rows = structure[structure["subject"] == subject].drop(columns=["subject", "layer"])
    equal = np.ones(len(rows))
    features = with_rivals(rows.reset_index(drop=True), equal)
    return [Layers(features, important[subject, "skip"][:, 0])]


def with_rivals(features: pd.DataFrame, parameters: Floats) -> pd.DataFrame:
    """Statistics with the three that need no measurement."""
    depth = len(features)
    rivals = (np.arange(depth, dtype=float), closeness_to_an_end(depth), parameters)
    return features.assign(**dict(zip(RIVALS, rivals, strict=True)))


def correlations(models: Mapping[str, Sequence[Layers]]) -> pd.DataFrame:
    """Rank correlation of every statistic with importance: a row a model, mean over its runs."""
    means = {
        model: np.mean([_by_statistic(run, run.importance) for run in runs], axis=0)[:, 0]
        for model, runs in models.items()
    }
    return pd.DataFrame.from_dict(means, orient="index", columns=_statistics(models))


def _by_statistic(layers: Layers, importance: Floats) -> Floats:
    """Rank correlation of every statistic with importances (T, n): (statistics, n)."""
    columns = layers.features.to_numpy(float).T
    return np.array([correlation(values, importance) for values in columns])


def _statistics(models: Mapping[str, Sequence[Layers]]) -> pd.Index:
    return next(iter(models.values()))[0].features.columns


def held_out(table: pd.DataFrame) -> pd.DataFrame:
    """Score of every statistic on every model, signed by the others; and of the statistic that is
    best on the others, chosen anew for each model."""
    count = len(table)
    others = (table.sum() - table) / (count - 1)
    scores = np.sign(others) * table
    best = others.abs().to_numpy().argmax(axis=1)
    scores[CHOSEN] = scores.to_numpy()[np.arange(count), best]
    return scores


def measurements(
    trained: Mapping[str, Sequence[Layers]],
    untrained: Mapping[str, Sequence[Layers]],
    params: AcrossPapersParams,
) -> tuple[pd.DataFrame, Measurements]:
    """A row a subject and model, a column a statistic; and each one's mean score over models, with
    its t interval, beside untrained models and layers in random order."""
    scores = {MODEL: held_out(correlations(trained)), RANDOM: held_out(correlations(untrained))}
    null = _permuted(trained, params)
    measured = {
        f"predictor.{name}": {
            **{subject: mean_estimate(table[name].to_numpy()) for subject, table in scores.items()},
            PERMUTED: null_range(null[name]),
        }
        for name in scores[MODEL]
    }
    table = pd.concat(scores, names=["subject", "model"]).reset_index()
    return table, measured


def _permuted(
    models: Mapping[str, Sequence[Layers]], params: AcrossPapersParams
) -> dict[str, Floats]:
    """Each statistic's mean score over models whose importance is in random order, many times."""
    generator = np.random.default_rng(params.seed)
    found = []
    for runs in models.values():
        copies = (np.repeat(run.importance[:, None], params.permutations, axis=1) for run in runs)
        shuffled = (generator.permuted(each, axis=0) for each in copies)
        drawn = [_by_statistic(run, each) for run, each in zip(runs, shuffled, strict=True)]
        found.append(np.mean(drawn, axis=0))
    names = _statistics(models)
    by_draw = np.moveaxis(found, 2, 0)  # permutations, models, statistics
    draws = [held_out(pd.DataFrame(each, columns=names)).mean() for each in by_draw]
    return pd.DataFrame(draws).to_dict("list")
