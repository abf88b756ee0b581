"""Paper C's Fig. 2: each layer left out, and each pair of neighbours swapped."""

import numpy as np
import pandas as pd

from strata import schedules
from strata.painters.params import SingleLayerParams
from strata.painters.scores import accuracies, curve_table
from strata.records import Estimate
from strata.schedules import Schedule
from strata.statistics import HEADROOM, Floats, estimate

EDGE = 2  # the "first and last few" layers of the claim
CHANGES = ("skip", "swap")


def cases(T: int) -> dict[str, Schedule]:
    """Name -> schedule: the full model, then `skip.<layer>` and `swap.<layer>`."""
    return {
        "full": schedules.full(T),
        **{f"skip.{i}": schedules.skip_layer(T, i) for i in range(T)},
        **{f"swap.{i}": schedules.swap_layers(T, i) for i in range(T - 1)},
    }


def analyse(
    items: pd.DataFrame, T: int, params: SingleLayerParams
) -> tuple[pd.DataFrame, dict[str, Estimate]]:
    """One row a change and layer with accuracy and interval; and what the ledger judges."""
    names = list(cases(T))
    _, (accuracy,) = accuracies(items, names, params.resamples, params.seed)
    change, layer = zip(*(name.split(".") for name in names[1:]), strict=True)
    table = curve_table(accuracy[1:], change=change, layer=[int(each) for each in layer])
    full = accuracy[0]
    table["full"] = full[0]
    measured = {"full_accuracy": estimate(full)}
    for change_name, rows in (("skip", accuracy[1 : T + 1]), ("swap", accuracy[T + 1 :])):
        for key, draws in regions(rows, full).items():
            measured[f"{change_name}.{key}"] = estimate(draws)
    return table, measured


def regions(accuracy: Floats, full: Floats) -> dict[str, Floats]:
    """What is lost at both ends beyond what is lost in the middle, and what the middle keeps.

    Args:
        accuracy: (layers, 1 + B) with each layer edited; full: (1 + B,), unedited.
    """
    lost = full - accuracy
    middle = lost[EDGE:-EDGE].mean(axis=0)
    return {
        "first_minus_middle": lost[:EDGE].mean(axis=0) - middle,
        "last_minus_middle": lost[-EDGE:].mean(axis=0) - middle,
        "middle_kept": accuracy[EDGE:-EDGE].mean(axis=0) / np.maximum(full, HEADROOM),
    }
