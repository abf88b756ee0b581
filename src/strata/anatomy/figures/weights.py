"""Figures of paper A: weights across layers."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from strata.figures.shown import Shown
from strata.figures.style import (
    PUBLISHED_COLOUR,
    PUBLISHED_MARK,
    SUBJECT_COLOURS,
    band,
    intervals,
    legend,
    tight,
    words,
)


def anatomy_predictability(shown: Shown) -> Figure:
    """R2 of every reading and matrix: the model, the nulls and the closed form."""
    table = shown.table("anatomy/weights")
    published = shown.published.value("r2.gate_proj.neighbour_average")
    matrices = table[~table["parameter"].str.contains("norm")]
    readings = [r for r in matrices["reading"].unique() if r != "delta_correlation"]
    figure, axis = plt.subplots(figsize=(9, 5))
    for subject, shift in zip(SUBJECT_COLOURS, (-0.22, 0, 0.22), strict=True):
        rows = matrices.query("subject == @subject and reading in @readings")
        places = rows["reading"].map(readings.index) + shift
        look = {"s": 22, "color": SUBJECT_COLOURS[subject], "label": words(subject)}
        axis.scatter(rows["value"], places, **look)
    expected = matrices.groupby("reading")["independent_layers"].first()[readings]
    look = {"s": 260, "color": "black", "label": "independent layers, closed form"}
    axis.scatter(expected, range(len(readings)), marker="|", **look)
    axis.axvline(published, color=PUBLISHED_COLOUR, ls="--", label=f"published: {published}")
    axis.set_yticks(range(len(readings)), [words(reading) for reading in readings])
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xlabel("R2, one point a weight matrix")
    axis.invert_yaxis()
    legend(axis)
    return tight(figure)


def anatomy_deltas(shown: Shown) -> Figure:
    """Correlation of consecutive deltas per parameter, with intervals, the nulls and -1/2."""
    deltas = shown.table("anatomy/weights", "reading == 'delta_correlation'")
    published = shown.published.value("delta_correlation.all_matrices")
    names = list(deltas["parameter"].unique())
    figure, axis = plt.subplots(figsize=(9, 4))
    for subject, shift in zip(SUBJECT_COLOURS, (-0.2, 0, 0.2), strict=True):
        rows = deltas[deltas["subject"] == subject].set_index("parameter").loc[names]
        places, label = np.arange(len(names)) + shift, words(subject)
        intervals(axis, places, rows, color=SUBJECT_COLOURS[subject], label=label)
    axis.axhline(-0.5, color="black", lw=1, label="independent layers: -1/2")
    axis.axhline(published, color=PUBLISHED_COLOUR, ls="--", label=f"published: {published:g}")
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axis.set_ylabel("correlation of consecutive deltas")
    legend(axis)
    return tight(figure)


def anatomy_predicted_layers(shown: Shown) -> Figure:
    """Perplexity against how many layers are replaced by their predictions."""
    table = shown.table("anatomy/weights_functional")
    published = {9: shown.published.value("predicted_perplexity.9_layers")}
    figure, axis = plt.subplots(figsize=(9, 4.2))
    for (subject, predictor), rows in table.groupby(["subject", "predictor"], sort=False):
        groups = rows.groupby("count")["perplexity"]
        style = "o-" if predictor == "neighbour_average" else "o:"
        label = f"{words(subject)}, {words(predictor)}"
        colour = SUBJECT_COLOURS[subject]
        look = {"color": colour, "ms": 4, "label": label}
        band(axis, groups.median(), (groups.min(), groups.max()), style, alpha=0.15, **look)
    axis.scatter(published.keys(), published.values(), **PUBLISHED_MARK, label="published")
    axis.set(xlabel="layers replaced by their predictions", yscale="log")
    axis.set_ylabel("perplexity: median, least, greatest")
    legend(axis)
    return tight(figure)
