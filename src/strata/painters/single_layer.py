"""Paper C's Fig. 2: each layer left out, and each pair of neighbours swapped."""

import numpy as np
import pandas as pd

from strata import schedules
from strata.painters.params import SingleLayerParams
from strata.painters.scores import accuracies, curve_table
from strata.records import Estimate
from strata.schedules import Schedule
from strata.statistics import HEADROOM, Floats, estimate, share_of_at_least

EDGE = 2  # the "first and last few" layers of the claim
CHANGES = ("skip", "swap")
KEPT = 0.8  # of the accuracy, where a layer can be spared


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
        for key, found in regions(rows, full).items():
            measured[f"{change_name}.{key}"] = found
    return table, measured


def regions(accuracy: Floats, full: Floats) -> dict[str, Estimate]:
    """What is lost at both ends beyond what is lost in the middle, what the middle keeps on average
    and the share of its layers that keep KEPT each.

    Args:
        accuracy: (layers, 1 + B) with each layer edited; full: (1 + B,), unedited.
    """
    lost = full - accuracy
    middle = lost[EDGE:-EDGE].mean(axis=0)
    kept = accuracy[EDGE:-EDGE] / np.maximum(full, HEADROOM)
    return {
        "first_minus_middle": estimate(lost[:EDGE].mean(axis=0) - middle),
        "last_minus_middle": estimate(lost[-EDGE:].mean(axis=0) - middle),
        "middle_kept": estimate(kept.mean(axis=0)),
        "middle_layers_kept": share_of_at_least(kept, KEPT),
    }
