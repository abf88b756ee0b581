"""Paper A's weight prediction as a study: every reading, on the model and its nulls, to tables."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from strata import nulls
from strata.anatomy import prediction, subjects, weights
from strata.anatomy.params import WeightsParams
from strata.anatomy.perplexity import measure
from strata.evidence import MODEL, RANDOM, SHUFFLED, Measurements
from strata.execution import traced
from strata.models import blocks
from strata.params import Params
from strata.records import Estimate
from strata.statistics import paired_bootstrap, point, ratio_estimate
from strata.work import side_by_side


def readings(settings: Params) -> pd.DataFrame:
    """One row a parameter, reading and subject: mean over layers with its bootstrap interval."""
    names = [name for name, _ in blocks(subjects.loaded(settings).model)[0].named_parameters()]
    units = [(settings, name) for name in names]
    workers = settings.anatomy_weights.workers
    return pd.concat(side_by_side(_parameter_table, units, workers, "readings of predictability"))


def _parameter_table(unit: tuple[Params, str]) -> pd.DataFrame:
    settings, name = unit
    params = settings.anatomy_weights
    own = blocks(subjects.loaded(settings).model)
    random = blocks(subjects.subject(settings, RANDOM, params.seed))
    trained, fresh = (
        _summary(weights.stack(layers, name), own[0].get_parameter(name).shape)
        for layers in (own, random)
    )
    as_it_is = [np.arange(len(own))]
    seeds = range(params.seed, params.seed + params.shuffles)
    orders = [np.array(nulls.layer_order(len(own), seed)) for seed in seeds]
    versions = {MODEL: (trained, as_it_is), RANDOM: (fresh, as_it_is), SHUFFLED: (trained, orders)}
    expected = weights.closed_form(len(own))
    rows = []
    for subject, (summary, subject_orders) in versions.items():
        for reading, values in _parameter_readings(summary, subject_orders).items():
            kind = "statistic_over_depth" if reading.endswith("over_depth") else reading
            rows.append(
                {
                    "parameter": name.split(".")[-2],
                    "reading": reading,
                    "subject": subject,
                    **_mean(values, params)._asdict(),
                    "independent_layers": expected.get(kind, np.nan),
                }
            )
    return pd.DataFrame(rows)


def _mean(values: np.ndarray, params: WeightsParams) -> Estimate:
    """Mean with its bootstrap interval; a single value stands for itself."""
    if len(values) == 1:
        return point(values[0])
    boot = paired_bootstrap(np.mean, values[None], resamples=params.resamples, seed=params.seed)
    return boot.estimate()


class _Summary(NamedTuple):
    """What the readings need to know of one parameter's stack, as it is and sorted."""

    raw: weights.Moments
    ranked: weights.Moments
    statistics: dict[str, np.ndarray]


def _summary(stack: torch.Tensor, shape: torch.Size) -> _Summary:
    return _Summary(
        weights.moments(stack),
        weights.moments(weights.by_rank(stack)),
        weights.layer_statistics(stack, shape),
    )


def _parameter_readings(summary: _Summary, orders: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Reading -> its values over layers, and over the orders in which the layers are put."""
    result = {
        reading: np.concatenate([function(summary.raw.reordered(order)) for order in orders])
        for reading, function in weights.READINGS.items()
    }
    result["sorted_weights"] = np.concatenate(
        [weights.neighbour_average(summary.ranked.reordered(order)) for order in orders]
    )
    for name, values in summary.statistics.items():
        scores = [weights.statistic_over_depth(values[order]) for order in orders]
        result[f"{name}_over_depth"] = np.array(scores)
    return result


def predictions(settings: Params) -> pd.DataFrame:
    """One row a subject, predictor and choice of layers: perplexity on predicted layers."""
    units = [
        (settings, subject, predictor)
        for subject in subjects.NAMES
        for predictor in ("neighbour_average", "polynomial")
        if subject == MODEL or predictor == "neighbour_average"
    ]
    workers = settings.anatomy_weights.workers
    return pd.concat(side_by_side(_predicted, units, workers, "run on predicted layers"))


def _predicted(unit: tuple[Params, str, prediction.Predictor]) -> pd.DataFrame:
    settings, subject, predictor = unit
    params = settings.anatomy_weights
    model = subjects.subject(settings, subject, params.seed)
    depth = len(blocks(model))
    limit = params.passages if subject == MODEL else params.null_passages
    entered = traced(model, subjects.token_batches(settings, limit, params.batch_size))
    base = measure(model, entered, depth).perplexity
    choices = partial(prediction.choices, draws=params.random_choices, seed=params.seed)
    picks = [
        (choice, layers)
        for count in params.counts
        for choice, layers in choices(depth, count).items()
    ]
    rows = [
        {
            "subject": subject,
            "predictor": predictor,
            "count": len(done.layers),
            "choice": done.choice,
            "layers": " ".join(map(str, done.layers)),
            "perplexity": done.measured.perplexity,
            "ratio": done.measured.perplexity / base,
        }
        for done in prediction.run_on_predictions(model, entered, picks, predictor)
    ]
    return pd.DataFrame(rows)


def measured_readings(table: pd.DataFrame) -> Measurements:
    """`<reading>.<parameter>` -> subject -> estimate, and the mean correlation of all matrices.

    The interval of that mean is the mean of the intervals: as wide as if the matrices were
    perfectly correlated, so never too narrow.
    """
    measured: Measurements = {}
    for row in table.itertuples():
        group = "delta_correlation" if row.reading == "delta_correlation" else "r2"
        name = row.parameter if group != "r2" else f"{row.parameter}.{row.reading}"
        found = Estimate(row.value, row.low, row.high)
        measured.setdefault(f"{group}.{name}", {})[row.subject] = found
    deltas = table.query("reading == 'delta_correlation' and not parameter.str.contains('norm')")
    for subject, rows in deltas.groupby("subject"):
        found = Estimate(*(rows[column].mean() for column in Estimate._fields))
        measured.setdefault("delta_correlation.all_matrices", {})[subject] = found
    return measured


def measured_predictions(table: pd.DataFrame) -> Measurements:
    """Geometric mean over the choices of layers that are predicted, with its t interval."""
    measured: Measurements = {}
    paper = table[table["predictor"] == "neighbour_average"]
    for (count, subject), rows in paper.groupby(["count", "subject"]):
        for name in ("ratio", "perplexity"):
            values = rows[name]
            key = f"predicted_{name}.{count}_layer{'s' if count > 1 else ''}"
            measured.setdefault(key, {})[subject] = ratio_estimate(values.to_numpy(), np.ones(1))
    return measured
