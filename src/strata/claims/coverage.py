"""How often the intervals in use cover the truth, by simulation from committed evidence.

Each kind of interval is computed anew, by the function that the experiments use, on samples drawn
from a population that looks like the evidence; the truth is known, so hits can be counted.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from strata import paths
from strata.records import Estimate
from strata.results import read_table
from strata.statistics import (
    Floats,
    block_bootstrap,
    estimate,
    percentile_estimate,
    proportion,
    proportion_ratio,
    resampling_weights,
    seed_weights,
)

SIMULATIONS, RESAMPLES, SEED = 1000, 400, 0
SEEDS = (2, 3, 5)
Draw = Callable[[np.random.Generator], tuple[Estimate, float]]


def simulated(profile: str) -> dict[str, dict[str, float]]:
    """Kind of interval -> share of simulated intervals that hold the truth, and what was drawn.

    Raises:
        ResultError: the profile lacks a table.
    """
    items = _table(profile, "painters/variants_items.csv")
    passages = _table(profile, "anatomy/ablation_nll.csv")
    kinds = {
        "median over tasks, bootstrap over items": _median_over_tasks(items),
        "mean over passages, bootstrap over blocks": _mean_over_passages(passages),
        "ratio of accuracies, Wilson": _ratio(items),
        **{f"mean of {count} seeds, t": _mean_over_seeds(count) for count in SEEDS},
    }
    return {name: _covered(draw) for name, draw in kinds.items()}


def _covered(draw: Draw) -> dict[str, float]:
    generator = np.random.default_rng(SEED)
    hits = 0
    for _ in range(SIMULATIONS):
        found, truth = draw(generator)
        hits += found.low <= truth <= found.high
    share = proportion(hits, SIMULATIONS)
    return {"simulations": SIMULATIONS, "coverage": share.value, "low": share.low}


def _table(profile: str, name: str) -> pd.DataFrame:
    return read_table(paths.results(profile) / name)


def _median_over_tasks(items: pd.DataFrame) -> Draw:
    """The median over tasks of the accuracy of one edited model, its items drawn again."""
    column = next(name for name in items if name.startswith("acc:skip.M3"))
    tasks = [rows[column].to_numpy(float) for _, rows in items.groupby("task")]
    truth = float(np.median([values.mean() for values in tasks]))

    def draw(generator: np.random.Generator) -> tuple[Estimate, float]:
        means = []
        for values in tasks:
            sample = generator.choice(values, len(values))
            times = resampling_weights(len(values), RESAMPLES, generator)
            means.append(times @ sample / len(values))
        return estimate(np.median(means, axis=0)), truth

    return draw


def _mean_over_passages(passages: pd.DataFrame) -> Draw:
    """Mean cost of losing a layer over passages whose neighbours are as alike as the evidence's."""
    own = passages.query("subject == 'model' and reading == 'neighbour_average'")
    costs = ((own["nll_L11"] - own["nll"]) / own["tokens"]).to_numpy()
    likeness = float(np.corrcoef(costs[:-1], costs[1:])[0, 1])

    def draw(generator: np.random.Generator) -> tuple[Estimate, float]:
        noise = generator.standard_normal(len(costs))
        series = np.empty(len(costs))
        series[0] = noise[0]
        for place in range(1, len(costs)):
            step = likeness * series[place - 1]
            series[place] = step + np.sqrt(1 - likeness**2) * noise[place]
        seed = int(generator.integers(2**31))
        boot = block_bootstrap(np.mean, series[None], resamples=RESAMPLES, seed=seed)
        return Estimate(boot.value[0], boot.low[0], boot.high[0]), 0.0

    return draw


def _ratio(items: pd.DataFrame) -> Draw:
    """The share of one task's accuracy that an edited model keeps."""
    rows = items[items["task"] == items["task"].iloc[0]]
    full = rows["acc:full.M0.0"].to_numpy(float)
    edited = rows[next(name for name in items if name.startswith("acc:skip.M3"))].to_numpy(float)
    truth = edited.mean() / full.mean()

    def draw(generator: np.random.Generator) -> tuple[Estimate, float]:
        picks = generator.integers(len(rows), size=len(rows))
        return proportion_ratio(edited[picks].mean(), full[picks].mean(), len(rows)), truth

    return draw


def _mean_over_seeds(count: int) -> Draw:
    def draw(generator: np.random.Generator) -> tuple[Estimate, float]:
        values: Floats = generator.standard_normal(count)
        draws = seed_weights(count, RESAMPLES, generator) @ values / count
        return percentile_estimate(draws[0], draws[1:]), 0.0

    return draw
