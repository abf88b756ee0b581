"""Do paper C's three classes of layers coincide with paper A's core and redundant layers?

The classes are the best cut of depth into three segments by similarity of the states that layers
leave: the one with the least scatter within segments (kernel change points, Harchaoui and Cappe
2007, by trying every cut). Importance is paper A's ablation (the neighbours' average).
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from strata.across.association import null_range
from strata.anatomy.ablation import CORE, INNER
from strata.evidence import MODEL, RANDOM, Measurements
from strata.painters.similarity import MEASURES
from strata.records import Estimate
from strata.statistics import CONFIDENCE, Floats, estimate

NAMES = ("beginning", "middle", "ending")
READING = "neighbour_average"
ANY_CUT, DRAWN = "any_three_segments", "drawn_layers"


def matrix(similarity: pd.DataFrame) -> Floats:
    """Similarity of the states that T layers leave (T, T), from rows of similarity.csv."""
    wide = similarity.pivot(index="state", columns="other", values="similarity").to_numpy()
    whole = np.fmax(wide, wide.T)
    return whole[1:, 1:]


def cuts(T: int) -> list[Floats]:
    """Every way to cut T layers into three segments: the class 0, 1 or 2 of each layer."""
    return [
        (np.arange(T) >= first).astype(int) + (np.arange(T) >= second)
        for first, second in combinations(range(1, T), 2)
    ]


def three_classes(similarity: Floats) -> Floats:
    """The cut of (T, T) similarities with the least scatter within its segments."""

    def within(labels: Floats) -> float:
        members = labels == np.arange(3)[:, None]
        sums = np.einsum("ct,ts,cs->c", members, similarity, members, dtype=float)
        return float((sums / members.sum(axis=1)).sum())

    return max(cuts(len(similarity)), key=within)


def explained(labels: Floats, importance: Floats) -> Floats:
    """Share of the variance of importance's ranks that lies between classes: (1 + B,)."""
    ranks = stats.rankdata(importance, axis=0)
    centred = ranks - ranks.mean(axis=0)
    members = labels == np.unique(labels)[:, None]
    between = ((members @ centred) ** 2 / members.sum(axis=1)[:, None]).sum(axis=0)
    total = (centred**2).sum(axis=0)
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


def measurements(
    similarity: pd.DataFrame, important: Mapping[tuple[str, str], Floats], redundant: int
) -> tuple[pd.DataFrame, Measurements]:
    """A row a subject, measure and layer with its class; and how classes and importance agree.

    Intervals are over paper A's passages. Nulls: the classes and importance of the untrained model;
    every other cut into three; layers drawn at random (hypergeometric).
    """
    tables, measured = {}, {}
    for measure in MEASURES:
        found = {}
        for subject in (MODEL, RANDOM):
            rows = similarity.query("subject == @subject and measure == @measure")
            labels = three_classes(matrix(rows))
            named = {"layer": range(len(labels)), "class": np.array(NAMES)[labels]}
            tables[subject, measure] = pd.DataFrame(named)
            found[subject] = _agreement(labels, important[subject, READING], redundant)
        middle = int((tables[MODEL, measure]["class"] == "middle").sum())
        importance = important[MODEL, READING]
        others = [explained(labels, importance[:, :1])[0] for labels in cuts(len(importance))]
        sizes = {"redundant_in_middle": redundant, "core_in_middle": len(CORE)}
        for key in found[MODEL]:
            name = f"classes.{measure}.{key}"
            measured[name] = {subject: each[key] for subject, each in found.items()}
            if key in sizes:
                measured[name][DRAWN] = _drawn(len(importance), middle, sizes[key])
            else:
                measured[name][ANY_CUT] = null_range(np.array(others))
    table = pd.concat(tables, names=["subject", "measure"])
    return table.reset_index(["subject", "measure"]).reset_index(drop=True), measured


def _agreement(labels: Floats, importance: Floats, redundant: int) -> dict[str, Estimate]:
    """redundant: the least important layers; core: the most important but for those at the ends
    (as paper A's headline leaves them out)."""
    order = np.argsort(importance, axis=0, kind="stable")
    inner = np.argsort(importance[INNER], axis=0, kind="stable") + INNER.start
    middle = labels == 1
    return {
        "explained": estimate(explained(labels, importance)),
        "redundant_in_middle": estimate(middle[order[:redundant]].mean(axis=0)),
        "core_in_middle": estimate(middle[inner[-len(CORE) :]].mean(axis=0)),
    }


def _drawn(layers: int, middle: int, size: int) -> Estimate:
    """Share in the middle class of `size` layers drawn without repetition."""
    law = stats.hypergeom(layers, middle, size)
    low, high = law.interval(CONFIDENCE)
    return Estimate(float(law.mean()) / size, float(low) / size, float(high) / size)
