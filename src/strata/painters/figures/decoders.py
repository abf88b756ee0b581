"""Figures of paper C."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strata.evidence import MODEL
from strata.figures.shown import Shown
from strata.figures.style import (
    PALETTE,
    SUBJECT_COLOURS,
    intervals,
    legend,
    panels,
    subject_label,
    subject_lines,
    tight,
    words,
)
from strata.painters.catalogue import VARIANTS

VARIANT_COLOURS = {name: PALETTE[variant.colour] for name, variant in VARIANTS.items()}
MEASURE_LABELS = {
    "released": "as released: flattened,\nfirst token and padding in",
    "per_token": "per token",
    "without_first_token": "per token,\nwithout the first",
    "sink_removed": "per token, without the\nfirst token's direction",
    "centred": "centred,\nwithout the first",
    "linear_cka": "linear CKA,\nwithout the first",
}
CHANGE_LABELS = {"skip": "layer left out", "swap": "swapped with the next layer"}
DODGE = 0.12  # affected layers between points of neighbouring variants
KV_LABELS = {"per_visit": "one slot a layer visit", "averaged": "averaged keys and values"}


def painters_similarity(shown: Shown) -> Figure:
    """Similarity of all pairs of states: a column a measure, a row a subject."""
    table = shown.table("painters/similarity")
    subjects = list(table["subject"].unique())
    figure, axes = panels(len(subjects), len(MEASURE_LABELS), 3.1, 3.1)
    for row, subject in enumerate(subjects):
        for column, (measure, label) in enumerate(MEASURE_LABELS.items()):
            axis = axes[row, column]
            own = table[(table["subject"] == subject) & (table["measure"] == measure)]
            image = axis.imshow(_matrix(own), vmin=0, vmax=1, cmap="viridis")
            axis.grid(visible=False)
            if row == 0:
                axis.set_title(label, fontsize=11)
            axis.set_xlabel("state")
        axes[row, 0].set_ylabel(f"{subject_label(subject)}\nstate")
    figure.colorbar(image, ax=axes, shrink=0.8, label="similarity")
    return figure


def painters_drift(shown: Shown) -> Figure:
    """Edited models beside the full one, state by state: cosine, and ratio of variances."""
    table = shown.table("painters/drift")
    subjects = list(table["subject"].unique())
    figure, axes = panels(2, len(subjects), 3.6, 2.8)
    for column, subject in enumerate(subjects):
        for variant, own in table[table["subject"] == subject].groupby("variant", sort=False):
            for axis, name in zip(axes[:, column], ("cosine", "variance_ratio"), strict=True):
                label, colour = variant.replace("_", " "), VARIANT_COLOURS[variant]
                axis.plot(own["state"], own[name], label=label, color=colour)
        axes[0, column].set_title(subject_label(subject))
        axes[1, column].set(xlabel="state", yscale="log")
    axes[0, 0].set_ylabel("cosine to the full model's")
    axes[1, 0].set_ylabel("variance over the full model's")
    legend(axes[0, -1])
    return tight(figure)


def _matrix(table: pd.DataFrame) -> np.ndarray:
    size = table["other"].max() + 1
    matrix = np.zeros((size, size))
    matrix[table["state"], table["other"]] = table["similarity"]
    return np.maximum(matrix, matrix.T)


def painters_token_norms(shown: Shown) -> Figure:
    """Norm of the first token and of the others by depth."""
    table = shown.table("painters/token_norms")
    figure, axis = plt.subplots()
    for subject, rows in table.groupby("subject", sort=False):
        for column, style in (("first_token", "-"), ("others", "--")):
            look = {"color": SUBJECT_COLOURS[subject], "ls": style}
            label = f"{subject_label(subject)}, {words(column)}"
            axis.plot(rows["state"], rows[column], label=label, **look)
    axis.set(yscale="log", xlabel="state", ylabel="mean norm of the hidden state")
    legend(axis)
    return tight(figure)


def painters_single_layer(shown: Shown) -> Figure:
    """LAMBADA accuracy without, and with swapped, each layer."""
    table = shown.table("painters/single_layer")
    figure, axes = plt.subplots(1, 2, figsize=(12.4, 4.2), sharey=True)
    for axis, (change, label) in zip(axes, CHANGE_LABELS.items(), strict=True):
        subject_lines(axis, table[table["change"] == change], "layer", fmt="o-", ms=4)
        full_line(axis, table.query("subject == @MODEL")["full"].iloc[0])
        axis.set(title=label, xlabel="layer")
    axes[0].set_ylabel("LAMBADA accuracy (share of items)")
    legend(axes[1])
    return tight(figure)


def painters_variants(shown: Shown) -> Figure:
    """Normalised median of every variant over affected layers, a panel a subject."""
    table = shown.table("painters/variants")
    subjects = list(table["subject"].unique())
    figure, axes = panels(1, len(subjects), 5.2, 4.4, sharey=True)
    for axis, subject in zip(axes[0], subjects, strict=True):
        variant_lines(axis, table[table["subject"] == subject])
        axis.axhline(0, color="0.3", lw=0.8)
        axis.set_title(subject_label(subject))
    axes[0, 0].set_ylabel("normalised median (guessing 0, full model 1)")
    legend(axes[0, -1], axes[0, 0])
    return tight(figure)


def painters_tasks(shown: Shown) -> Figure:
    """Accuracy of every variant over affected layers, a panel a task."""
    table = shown.table("painters/variants_tasks")
    names = list(table["task"].unique())
    figure, axes = panels(1, len(names), 4.4, 4.2)
    for axis, task in zip(axes[0], names, strict=True):
        variant_lines(axis, table[table["task"] == task])
        axis.set_title(task)
    axes[0, 0].set_ylabel("accuracy (share of items)")
    legend(axes[0, -1])
    return tight(figure)


def variant_lines(axis: Axes, table: pd.DataFrame) -> None:
    """A line and its intervals for every variant over affected layers, dodged."""
    groups = table.groupby("variant", sort=False)
    for place, (variant, rows) in enumerate(groups):
        where = rows["affected"] + DODGE * (place - (len(groups) - 1) / 2)
        look = {"color": VARIANT_COLOURS[variant], "ms": 4, "lw": 1, "label": words(variant)}
        intervals(axis, where, rows, fmt="o-", **look)
    axis.set_xlabel("affected layers M")


def full_line(axis: Axes, value: float) -> None:
    """The full model as a dotted line."""
    axis.axhline(value, color="0.3", lw=0.8, ls=":", label="full model")


def painters_loops(shown: Shown) -> Figure:
    """Score by passes and affected layers, and the best number of passes with its interval."""
    table = shown.table("painters/loops")
    return loops_panels(table, shown.table("painters/loops_best"), "normalised median")


def loops_panels(table: pd.DataFrame, best: pd.DataFrame, score: str) -> Figure:
    """The model's score by passes and affected layers, and the best passes of every subject."""
    figure, (heat, line) = plt.subplots(1, 2, figsize=(12.4, 4.4))
    own = table[table["subject"] == MODEL]
    grid = own.pivot(index="affected", columns="loops", values="value").iloc[::-1]
    look = {"annot": grid.shape[1] <= 12, "fmt": ".2f", "annot_kws": {"size": 8}}
    sns.heatmap(grid, ax=heat, cmap="viridis", **look)
    for cell in heat.texts:  # dark on bright cells whatever the page's colours
        cell.set_color("white" if cell.get_color() == "w" else "black")
    heat.set(title=score, ylabel="affected layers M", xlabel="passes")
    subject_lines(line, best, "affected", fmt="o-", ms=4)
    line.set_title("best number of passes, 95% interval")
    line.set(xlabel="affected layers M", ylabel="passes")
    legend(line)
    return tight(figure)


def painters_generation(shown: Shown) -> Figure:
    """Arithmetic accuracy and agreement with one pass, by variant, M and cache."""
    table = shown.table("painters/generation")
    figure, (accuracy, agreement) = plt.subplots(1, 2, figsize=(12.4, 4.4))
    groups = table[table["affected"] > 0].groupby(["variant", "kv"], sort=False)
    for place, ((variant, kv), rows) in enumerate(groups):
        where = rows["affected"] + DODGE * (place - (len(groups) - 1) / 2)
        style = {"color": VARIANT_COLOURS[variant], "fmt": "s" if kv == "averaged" else "o"}
        style["markerfacecolor"] = "white" if kv == "averaged" else VARIANT_COLOURS[variant]
        label = f"{words(variant)}, {KV_LABELS[kv]}"
        intervals(accuracy, where, rows, label=label, **style)
        agreement.errorbar(where, rows["one_pass"], **style)
    full_line(accuracy, table.query("variant == 'full'")["value"].iloc[0])
    accuracy.set(title="arithmetic", ylabel="exact match (share of problems)")
    legend(agreement, accuracy)
    agreement.set_title("tokens that one pass without a cache would choose")
    agreement.set_ylabel("share of generated tokens")
    for axis in (accuracy, agreement):
        axis.set_xlabel("affected layers M (dodged)")
        axis.set_xticks(sorted(set(table["affected"]) - {0}))
    agreement.set_ylim(-0.03, 1.03)
    return tight(figure)
