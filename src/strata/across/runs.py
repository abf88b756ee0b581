"""Paper B's models as stage 40 measured them: profiles over depth, ready to be compared."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from strata.across.association import nats_per_token
from strata.across.params import AcrossPapersParams
from strata.lws.comparison import BASELINES
from strata.results import read_table
from strata.statistics import Floats, resampling_weights

KEYS = ["model", "seed", "subject"]
NUMBERS = {
    "layers": ("layer", "parameters"),
    "nll": ("passage", "nll", "tokens"),
    "schedules": ("place", "nll_D*"),
}


@dataclass(frozen=True)
class Run:
    """One model. All costs are nats per token and end in 1 + B, over the same documents.

    importance (T, 1 + B): each layer left out; swaps (T - 1, 1 + B): each layer swapped with the
    next; variants: (variant, M) -> (1 + B,); parameters (T,); features: a row a layer.
    """

    importance: Floats
    swaps: Floats
    variants: dict[tuple[str, int], Floats]
    parameters: Floats
    features: pd.DataFrame

    @property
    def depth(self) -> int:
        return len(self.parameters)


@dataclass(frozen=True)
class LwsRuns:
    """All models that stage 40 measured."""

    found: dict[tuple[str, int, str], Run]

    @property
    def models(self) -> list[str]:
        """Variants and controls, in the order of training."""
        return list(dict.fromkeys(model for model, _, _ in self.found))

    def of(self, model: str, subject: str) -> dict[int, Run]:
        """Seed -> run. An untrained twin is there once for all seeds that share its widths."""
        return {
            seed: run
            for (name, seed, which), run in self.found.items()
            if (name, which) == (model, subject)
        }

    def base_of(self, model: str) -> str:
        """The uniform model of the same depth."""
        (depth,) = {run.depth for (name, _, _), run in self.found.items() if name == model}
        return BASELINES[depth]

    def scaled(self) -> list[str]:
        """The models that are not uniform."""
        return [model for model in self.models if model not in BASELINES.values()]


def read(folder: Path, params: AcrossPapersParams) -> LwsRuns:
    """Read lws_layers.csv, lws_nll.csv and lws_schedules.csv."""
    layers, nll, schedules = (
        read_table(folder / f"lws_{name}.csv", "seed", *numbers, text=("model", "subject")).groupby(
            KEYS, sort=False
        )
        for name, numbers in NUMBERS.items()
    )
    return LwsRuns(
        {
            key: _run(rows, nll.get_group(key), schedules.get_group(key), params)
            for key, rows in layers
        }
    )


def _run(
    layers: pd.DataFrame, nll: pd.DataFrame, schedules: pd.DataFrame, params: AcrossPapersParams
) -> Run:
    times = resampling_weights(len(nll), params.resamples, params.seed)
    base, tokens = nll["nll"].to_numpy(), nll["tokens"].to_numpy(float)
    ablated = nll[[f"nll_L{layer}" for layer in layers["layer"]]].to_numpy().T
    documents = schedules[[f"nll_D{document}" for document in nll["passage"]]].to_numpy()
    costs = nats_per_token(documents, base, tokens, times)
    swap = (schedules["change"] == "swap").to_numpy()
    cases = zip(schedules["change"], schedules["place"], costs, strict=True)
    return Run(
        importance=nats_per_token(ablated, base, tokens, times),
        swaps=costs[swap],
        variants={(change, M): cost for change, M, cost in cases if change not in ("swap", "full")},
        parameters=layers["parameters"].to_numpy(float),
        features=layers.drop(columns=[*KEYS, "layer", "parameters"]).reset_index(drop=True),
    )


def relative_depth(T: int) -> Floats:
    """0 at the first layer, 1 at the last."""
    return np.linspace(0, 1, T)
