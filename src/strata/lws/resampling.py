"""Loading results, and what all comparisons rest on: paired resampling of seeds and documents."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter

from strata.lws.params import LwsTrainParams
from strata.lws.runs import Result, RunError, planned
from strata.records import Estimate
from strata.results import again, read_as
from strata.statistics import Floats, estimate, resampling_weights, seed_weights

Kind = Literal["real", "zero", "reported"]
Numbers = list[int | float]


class Measured(BaseModel):
    """What every run's result holds, beside its facts."""

    model_config = ConfigDict(extra="allow", strict=True)

    run: str
    variant: str
    reader: str
    seed: int
    documents: dict[str, Numbers]
    untrained: dict[str, Numbers]
    validation_curve: list[Numbers]


MEASURED = TypeAdapter(Measured)


@dataclass(frozen=True)
class Resampling:
    """Random weights of seeds (B, seeds) and documents (B, documents), shared by all runs, so that
    everything computed from them is paired: t over seeds, a bootstrap over documents."""

    seeds: dict[int, Floats]
    documents: Floats

    @classmethod
    def of(cls, results: list[Result], resamples: int, seed: int) -> "Resampling":
        generator = np.random.default_rng(seed)
        count = len(results[0]["documents"]["real_nll"])
        documents = resampling_weights(count, resamples, generator)[1:]
        counts = range(1, len(results) + 1)
        seeds = {count: seed_weights(count, resamples, generator)[1:] for count in counts}
        return cls(seeds, documents)


def load_results(folder: Path, params: LwsTrainParams) -> list[Result]:
    """The results of all planned runs that are there, in the order of the plan.

    Raises:
        ResultError, RunError: a file is damaged or of another run.
    """
    files = [folder / f"{run.name}.json" for run in planned(params)]
    return [_whole(file) for file in files if file.is_file()]


def _whole(file: Path) -> Result:
    found = read_as(file, MEASURED).model_dump()
    if found["run"] != file.stem:
        raise RunError(f"{file}: not the result of its run; {again(file)}")
    return found


def main_results(results: list[Result], params: LwsTrainParams) -> list[Result]:
    """Results of the first group's width, length and precision: those that compare.

    Raises:
        RunError: there are none.
    """
    first = params.groups[0]
    keys = ("d_model", "steps", "learning_rate", "precision")
    found = [each for each in results if all(each[key] == getattr(first, key) for key in keys)]
    if not found:
        raise RunError("lws_train: no finished run of the first group; run 21_lws_train.py first")
    return found


def chosen(
    results: list[Result], variant: str, reader: str, control: bool = False
) -> dict[int, Result]:
    """Seed -> result of one variant and reader."""
    return {
        result["seed"]: result
        for result in results
        if (result["variant"], result["reader"]) == (variant, reader)
        and result["shuffled_depth_roles"] == control
    }


def losses(
    results: Iterable[Result], kind: Kind, sampling: Resampling, measured: str = "documents"
) -> tuple[float, Floats]:
    """Mean nats per position of some runs: over all of them, and in every resample (B,)."""
    rows = [result[measured] for result in results]
    parts = ("real", "zero") if kind == "reported" else (kind,)
    nll = sum(np.array([row[f"{part}_nll"] for row in rows]) for part in parts)
    tokens = sum(np.array(rows[0][f"{part}_tokens"], float) for part in parts)
    seeds = sampling.seeds[len(rows)] / len(rows)
    draws = (seeds @ nll * sampling.documents).sum(axis=1) / (sampling.documents @ tokens)
    return float(nll.mean(axis=0).sum() / tokens.sum()), draws


def change(
    ours: dict[int, Result], base: dict[int, Result], kind: Kind, sampling: Resampling
) -> Estimate | None:
    """Perplexity change in percent of the base's, over the seeds that both have."""
    drawn = change_draws(ours, base, kind, sampling)
    return None if drawn is None else estimate(drawn)


def change_draws(
    ours: dict[int, Result], base: dict[int, Result], kind: Kind, sampling: Resampling
) -> Floats | None:
    """The change and its draws (1 + B,); None where no seed is common."""
    common = sorted(ours.keys() & base.keys())
    if not common:
        return None
    value, draws = losses([ours[seed] for seed in common], kind, sampling)
    other, other_draws = losses([base[seed] for seed in common], kind, sampling)
    return 100 * np.expm1(np.concatenate([[value - other], draws - other_draws]))
