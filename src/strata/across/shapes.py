"""Paper B's shapes against paper A's importance, and the anatomy of models grown in them.

Capacity is a layer's parameters; importance what leaving it out costs, in nats per token. Whether a
model differs from the uniform one of its depth is asked beside how far two uniform models trained
on data in another order differ. Seeds of a pair are never equal there, so that neither side has an
order of the data in common.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from strata.across.association import PERMUTED, correlation, estimate, mean_correlations, permuted
from strata.across.params import AcrossPapersParams
from strata.across.runs import LwsRuns, Run, relative_depth
from strata.evidence import MODEL, RANDOM, Measurements
from strata.records import Estimate
from strata.statistics import Floats

ANOTHER_SEED = "another_seed"
Pairs = list[tuple[Floats, Floats]]


def matches(
    runs: LwsRuns, elsewhere: Mapping[str, Floats], params: AcrossPapersParams
) -> Measurements:
    """Rank correlation over layers of capacity and importance: in the model itself, in the uniform
    model of its depth, and at the same relative depth of paper A's model.

    Args:
        elsewhere: subject -> importance (T, 1 + B) in paper A's model and its nulls.
    """
    measured: Measurements = {}
    for model in runs.scaled():
        shapes = runs.of(model, MODEL)
        twins = runs.of(model, RANDOM)
        own = {MODEL: _capacities(shapes, shapes), RANDOM: _capacities(twins, twins)}
        base = runs.base_of(model)
        uniform = {
            MODEL: _capacities(shapes, runs.of(base, MODEL)),
            RANDOM: _on_twins(shapes, runs.of(base, RANDOM)),
        }
        smollm2 = {
            subject: [(run.parameters, at_depth(profile, run.depth)) for run in shapes.values()]
            for subject, profile in elsewhere.items()
        }
        for where, pairs in (("own", own), ("uniform", uniform), ("smollm2", smollm2)):
            found = mean_correlations(pairs)
            if pairs[MODEL]:
                found[PERMUTED] = permuted(pairs[MODEL], params.permutations, params.seed)
            measured[f"shapes.{model}.{where}"] = found
    return measured


def at_depth(profile: Floats, layers: int) -> Floats:
    """A profile (T, 1 + B) read at the relative depths of another model: (layers, 1 + B)."""
    wanted, given = relative_depth(layers), relative_depth(len(profile))
    after = np.clip(np.searchsorted(given, wanted, side="right"), 1, len(given) - 1)
    share = ((wanted - given[after - 1]) / (given[after] - given[after - 1]))[:, None]
    return (1 - share) * profile[after - 1] + share * profile[after]


def _capacities(shapes: dict[int, Run], measured: dict[int, Run]) -> Pairs:
    """Capacity of one model and importance in another, over the seeds that both have."""
    common = sorted(shapes.keys() & measured.keys())
    return [(shapes[seed].parameters, measured[seed].importance) for seed in common]


def _on_twins(shapes: dict[int, Run], twins: dict[int, Run]) -> Pairs:
    return [(run.parameters, twin.importance) for run in shapes.values() for twin in twins.values()]


def agreements(runs: LwsRuns) -> Measurements:
    """Does the uniform model of the same depth have the same anatomy? Mean rank correlation of the
    two models' importance over layers, and of the costs of paper C's variants."""
    views: dict[str, Callable[[Run], Floats]] = {
        "importance": lambda run: run.importance,
        "variants": lambda run: np.array(list(run.variants.values())),
    }
    measured: Measurements = {}
    for model in runs.scaled():
        for name, view in views.items():
            measured[f"anatomy.{model}.{name}"] = mean_correlations(_pairs(runs, model, view))
    return measured


def _pairs(runs: LwsRuns, model: str, view: Callable[[Run], Floats]) -> dict[str, Pairs]:
    """Views of a model and the uniform one of its depth: trained; of two uniform ones; twins."""
    ours, base = (runs.of(each, MODEL) for each in (model, runs.base_of(model)))
    twins, bases = (runs.of(each, RANDOM) for each in (model, runs.base_of(model)))
    return {
        MODEL: _apart(ours, base, view),
        ANOTHER_SEED: _apart(base, base, view),
        RANDOM: [(view(our), view(b)) for our in twins.values() for b in bases.values()],
    }


def _apart(ours: dict[int, Run], base: dict[int, Run], view: Callable[[Run], Floats]) -> Pairs:
    """Pairs of runs whose seeds differ."""
    return [
        (view(our), view(other))
        for seed, our in ours.items()
        for place, other in base.items()
        if seed != place
    ]


def differences(runs: LwsRuns) -> Measurements:
    """Where importance lies and how evenly it is spread, minus the uniform model's; null: the same
    of the untrained twins.

    centre: mean relative depth weighted by importance; unevenness: Gini coefficient of importance
    per parameter over layers. Costs below zero count as zero.
    """
    statistics: dict[str, Callable[[Run], Floats]] = {
        "centre": centre,
        "per_parameter_unevenness": lambda run: gini(run.importance / run.parameters[:, None]),
    }
    measured: Measurements = {}
    for model in runs.scaled():
        for name, statistic in statistics.items():
            measured[f"anatomy.{model}.{name}"] = {
                subject: _difference(runs.of(model, subject), base, statistic)
                for subject in (MODEL, RANDOM)
                if (base := runs.of(runs.base_of(model), subject))
            }
    return measured


def first_layer(runs: LwsRuns) -> Measurements:
    """The first layer's share of all importance, over seeds; costs below zero count as zero."""
    return {
        f"anatomy.{model}.first_layer_share": {
            subject: estimate(np.mean([_first_share(run) for run in found.values()], axis=0))
            for subject in (MODEL, RANDOM)
            if (found := runs.of(model, subject))
        }
        for model in runs.models
    }


def _first_share(run: Run) -> Floats:
    positive = np.maximum(run.importance, 0)
    total = positive.sum(axis=0)
    return np.divide(positive[0], total, out=np.zeros_like(total), where=total > 0)


def _difference(
    ours: dict[int, Run], base: dict[int, Run], statistic: Callable[[Run], Floats]
) -> Estimate:
    means = [np.mean([statistic(run) for run in each.values()], axis=0) for each in (ours, base)]
    return estimate(means[0] - means[1])


def centre(run: Run) -> Floats:
    """Mean relative depth weighted by importance: (1 + B,)."""
    positive = np.maximum(run.importance, 0)
    total = positive.sum(axis=0)
    weighted = relative_depth(run.depth) @ positive
    return np.divide(weighted, total, out=np.full_like(total, 0.5), where=total > 0)


def gini(values: Floats) -> Floats:
    """Gini coefficient over the first axis, costs below zero counted as zero; 0 where all are."""
    ascending = np.sort(np.maximum(values, 0), axis=0)
    count, total = len(values), ascending.sum(axis=0)
    ranked = (2 * np.arange(1, count + 1) - count - 1) @ ascending
    return np.divide(ranked, count * total, out=np.zeros_like(total), where=total > 0)


def structure(runs: LwsRuns, params: AcrossPapersParams) -> tuple[pd.DataFrame, Measurements]:
    """Do layers look as in the uniform model? A row a model, statistic and subject: rank
    correlation over layers; and its mean over statistics, with an interval over layers."""
    rows, measured = [], {}
    view: Callable[[Run], Floats] = lambda run: run.features.to_numpy()
    for model in runs.scaled():
        subjects = {name: pairs for name, pairs in _pairs(runs, model, view).items() if pairs}
        names = next(iter(runs.of(model, MODEL).values())).features.columns
        key = f"anatomy.{model}.structure"
        measured[key] = {}
        for subject, pairs in subjects.items():
            found = np.mean([_over_layers(*pair, params) for pair in pairs], axis=0)
            rows += [
                {"model": model, "statistic": name, "subject": subject, "spearman": each[0]}
                for name, each in zip(names, found, strict=True)
            ]
            measured[key][subject] = estimate(found.mean(axis=0))
    return pd.DataFrame(rows), measured


def _over_layers(first: Floats, second: Floats, params: AcrossPapersParams) -> Floats:
    """Correlations of statistics (T, F) over resampled layers: (F, 1 + B)."""
    depth = len(first)
    generator = np.random.default_rng(params.seed)
    drawn = generator.integers(depth, size=(depth, params.resamples))
    picks = np.column_stack([np.arange(depth), drawn])
    pairs = zip(first.T, second.T, strict=True)
    return np.array([correlation(one[picks], other[picks]) for one, other in pairs])


def profiles(runs: LwsRuns) -> pd.DataFrame:
    """A row a model, subject and layer: capacity, and importance averaged over seeds."""
    parts = [
        _profile(run).assign(model=model, subject=subject, seed=seed)
        for model in runs.models
        for subject in (MODEL, RANDOM)
        for seed, run in runs.of(model, subject).items()
    ]
    first = ["model", "subject", "seed"]
    return pd.concat(parts, ignore_index=True).set_index(first).reset_index()


def _profile(run: Run) -> pd.DataFrame:
    table = pd.DataFrame(map(estimate, run.importance)).rename(columns={"value": "importance"})
    table.insert(0, "parameters", run.parameters.astype(int))
    table.insert(0, "depth", relative_depth(run.depth))
    return table.rename_axis("layer").reset_index()
