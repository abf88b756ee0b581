"""Figures of what joins the three papers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from strata.evidence import MODEL, RANDOM
from strata.figures.shown import Shown
from strata.figures.style import (
    MODEL_COLOUR,
    NULL_COLOURS,
    PALETTE,
    SUBJECT_COLOURS,
    band,
    intervals,
    legend,
    panels,
    tight,
    words,
)

READING_LABELS = {
    "neighbour_average": "weights replaced by the neighbours' mean",
    "skip": "layer left out",
}
CHANGE_LABELS = {"skip": "layer left out", "swap": "swapped with the next"}
NULLS = {
    **NULL_COLOURS,
    "permuted_layers": PALETTE[6],
    "closeness_to_an_end": PALETTE[4],
    "another_seed": PALETTE[2],
    "any_three_segments": PALETTE[9],
    "drawn_layers": PALETTE[6],
    "zero": "0.3",
}
CLASSES = {"beginning": PALETTE[9], "middle": "0.88", "ending": PALETTE[1]}
ENDS = 2
PANELS = 4


def across_touch(shown: Shown) -> Figure:
    """Accuracy lost against ablation importance, a point a layer."""
    table = shown.table("across/touch")
    figure, axes = plt.subplots(2, 2, figsize=(12, 8), sharey="row")
    for row, (change, lost) in zip(axes, CHANGE_LABELS.items(), strict=True):
        for axis, (reading, label) in zip(row, READING_LABELS.items(), strict=True):
            own = table[(table["change"] == change) & (table["reading"] == reading)]
            last = own["layer"].max()
            ends = (own["layer"] < ENDS) | (own["layer"] > last - ENDS)
            _crosses(axis, own[ends], PALETTE[1], f"first and last {ENDS}")
            _crosses(axis, own[~ends], MODEL_COLOUR, "the others")
            for layer, x, y in zip(own["layer"], own["importance"], own["harm"], strict=True):
                place = {"xytext": (4, 3), "textcoords": "offset points"}
                axis.annotate(str(layer), (x, y), fontsize=7, **place)
            axis.set_xscale("symlog", linthresh=0.1)
            axis.set_xlabel(f"importance: {label} (nats a token)")
        row[0].set_ylabel(f"LAMBADA accuracy lost,\n{lost}")
    legend(axes[0, 1], title="layers, 95% intervals")
    return tight(figure)


def _crosses(axis: Axes, rows: pd.DataFrame, colour: object, label: str) -> None:
    look = {"fmt": "o", "ms": 4, "lw": 0.7, "color": colour, "label": label}
    errors = {"xerr": _errors(rows, "importance"), "yerr": _errors(rows, "harm")}
    axis.errorbar(rows["importance"], rows["harm"], **errors, **look)


def across_profiles(shown: Shown) -> Figure:
    """Importance over depth in trained and untrained models, before each layer's capacity: a panel
    a model, a line a seed."""
    table = shown.table("across/profiles")
    models = list(table["model"].unique())
    rows = -(-len(models) // PANELS)
    figure, axes = panels(rows, PANELS, 3.75, 3.4, sharex=True, sharey=True)
    for axis, model in zip(axes.flat, models, strict=False):
        own = table[table["model"] == model]
        _capacity(axis, own)
        for (subject, _), line in own.groupby(["subject", "seed"], sort=False):
            over = line.set_index("depth")
            look = {"ms": 3, "color": SUBJECT_COLOURS[subject]}
            band(axis, over["importance"], (over["low"], over["high"]), "o-", alpha=0.2, **look)
        axis.set_title(words(model.replace(".", ", ")))
    for axis in axes.flat[len(models) :]:
        axis.set_visible(False)
    for subject, label in ((MODEL, "trained, one line a seed"), (RANDOM, "null: untrained")):
        axes[0, 0].plot([], [], color=SUBJECT_COLOURS[subject], label=label)
    axes[0, 0].bar([np.nan], [np.nan], color="0.88", label="parameters (largest layer: 1)")
    legend(axes[0, -1], axes[0, 0])
    for axis in axes[:, 0]:
        axis.set_yscale("symlog", linthresh=0.01)  # shared by all panels
        axis.set_ylabel("importance (nats a token)")
    for axis in axes[-1]:
        axis.set_xlabel("relative depth")
    return tight(figure)


def _capacity(axis: Axes, table: pd.DataFrame) -> None:
    """The first seed's layer sizes as bars behind the lines, on a scale of their own."""
    first = table[(table["subject"] == MODEL) & (table["seed"] == table["seed"].min())]
    behind = axis.twinx()
    share = first["parameters"] / first["parameters"].max()
    behind.bar(first["depth"], share, width=0.8 / len(first), color="0.88")
    behind.set(ylim=(0, 1.02), yticks=[])
    behind.grid(visible=False)
    axis.set_zorder(behind.get_zorder() + 1)
    axis.patch.set_visible(False)


def across_classes(shown: Shown) -> Figure:
    """Paper C's three classes by every measure of similarity, under paper A's importance."""
    segments = shown.table("across/classes")
    own = shown.table("across/touch", "change == 'skip' and reading == 'neighbour_average'")
    figure, (bars, strips) = plt.subplots(
        2, 1, figsize=(11, 6), sharex=True, height_ratios=[3, 2], layout="constrained"
    )
    bars.bar(own["layer"], own["importance"], color=MODEL_COLOUR)
    columns = ("importance", "importance_low", "importance_high")
    intervals(bars, own["layer"], own, columns, fmt="none", ecolor="0.2")
    bars.set_yscale("symlog", linthresh=0.1)
    bars.set_ylabel("importance (nats a token)")
    groups = list(segments.groupby(["subject", "measure"], sort=False))
    grid = np.array([rows["class"].map(list(CLASSES).index) for _, rows in groups])
    strips.imshow(grid, aspect="auto", cmap=ListedColormap(CLASSES.values()), vmin=0, vmax=2)
    labels = [
        words(measure) + ("" if subject == MODEL else " (null: untrained)")
        for (subject, measure), _ in groups
    ]
    strips.set_yticks(range(len(labels)), labels, fontsize=8)
    strips.grid(visible=False)
    strips.set_xlabel("layer")
    for name, colour in CLASSES.items():
        bars.bar([np.nan], [np.nan], color=colour, label=name)
    legend(bars, title="class of the state a layer leaves")
    return figure


def across_predictors(shown: Shown) -> Figure:
    """Each statistic's rank correlation with importance in models it was not chosen on."""
    label = "Spearman correlation with importance in held-out models"
    return forest(shown.table("across/answers", "question == 'predictor'"), label)


def forest(answers: pd.DataFrame, label: str) -> Figure:
    """Each measurement with its interval, over its nulls' (rows of answers.csv).

    Args:
        label: of the common axis, with its unit.
    """
    keys = list(answers["key"].unique())[::-1]
    nulls = list(answers["null"].unique())
    figure, axis = plt.subplots(figsize=(9.5, 1.4 + 0.42 * len(keys)))
    for place, key in enumerate(keys):
        own = answers[answers["key"] == key]
        for null, low, high in zip(own["null"], own["null_low"], own["null_high"], strict=True):
            shift = 0.16 * (nulls.index(null) - (len(nulls) - 1) / 2)
            axis.plot([low, high], [place + shift] * 2, color=NULLS[null], lw=4, alpha=0.55)
        intervals(axis, [place], own.iloc[:1], across=True, capsize=3, color=MODEL_COLOUR)
    axis.errorbar([], [], fmt="o", color=MODEL_COLOUR, label="trained models, 95% interval")
    for null in nulls:
        axis.plot([], [], color=NULLS[null], lw=4, alpha=0.55, label=f"null: {words(null)}, 95%")
    axis.axvline(0, color="0.3", lw=0.8)
    axis.set_yticks(range(len(keys)), [_readable(key) for key in keys], fontsize=9)
    axis.set_xlabel(label)
    below = (0.4, -0.7 / (1 + 0.42 * len(keys)))
    axis.legend(fontsize="small", loc="upper center", bbox_to_anchor=below, ncol=2)
    return tight(figure)


def _readable(key: str) -> str:
    return ", ".join(words(part) for part in key.split(".")[1:])


def _errors(rows: pd.DataFrame, name: str) -> np.ndarray:
    """Distances from values to the ends of their intervals: (2, n)."""
    value, low, high = (rows[f"{name}{end}"] for end in ("", "_low", "_high"))
    return np.clip([value - low, high - value], 0, None)


FIGURES = (across_touch, across_profiles, across_classes, across_predictors)
