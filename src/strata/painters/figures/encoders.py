"""Figures of paper C's encoders on GLUE."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strata.figures.shown import Shown
from strata.painters.figures.decoders import VARIANT_COLOURS, subject_label, variant_lines

READING_LABELS = {"frozen": "frozen, classifier trained", "finetuned": "fine-tuned under it"}
DODGE = 0.12  # affected layers between points of neighbouring variants


def painters_glue(shown: Shown) -> Figure:
    """GLUE average over affected layers: a row a reading, a column a subject."""
    table = shown.table("painters/glue")
    subjects = list(table["subject"].unique())
    figure, axes = plt.subplots(
        len(READING_LABELS),
        len(subjects),
        figsize=(4.8 * len(subjects), 7.4),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for row, (reading, label) in enumerate(READING_LABELS.items()):
        for column, subject in enumerate(subjects):
            axis = axes[row, column]
            own = table[(table["reading"] == reading) & (table["subject"] == subject)]
            _with_full(axis, own)
            if row == 0:
                axis.set_title(subject_label(subject))
        axes[row, 0].set_ylabel(f"{label}\nGLUE average")
    axes[0, 0].legend(fontsize=8)
    figure.tight_layout()
    return figure


def painters_glue_tasks(shown: Shown) -> Figure:
    """The trained model by task and metric: a row a reading, a column a metric."""
    own = shown.table("painters/glue_tasks", "subject == 'model'")
    columns = list(own[["task", "metric"]].drop_duplicates().itertuples(index=False, name=None))
    figure, axes = plt.subplots(
        len(READING_LABELS),
        len(columns),
        figsize=(3.6 * len(columns), 6.8),
        sharex=True,
        squeeze=False,
    )
    for row, (reading, label) in enumerate(READING_LABELS.items()):
        for column, (task, metric) in enumerate(columns):
            axis = axes[row, column]
            chosen = (own["task"] == task) & (own["metric"] == metric)
            part = own[chosen & (own["reading"] == reading)]
            axis.set_title(f"{task}, {metric}", fontsize=11)
            if part.empty:
                axis.axis("off")
            else:
                _with_full(axis, part)
        axes[row, 0].set_ylabel(label)
    axes[0, 0].legend(fontsize=7)
    figure.tight_layout()
    return figure


def _with_full(axis: Axes, table: pd.DataFrame) -> None:
    """Every variant, and the full model as a dotted line; a single M is drawn as dodged points."""
    full = table.query("variant == 'full'")["value"].iloc[0]
    axis.axhline(full, color="0.3", lw=0.8, ls=":", label="full model")
    variants = table.query("variant != 'full'")
    if variants["affected"].nunique() > 1:
        variant_lines(axis, variants)
        return
    names = list(variants["variant"])
    for place, row in enumerate(variants.itertuples()):
        axis.errorbar(
            row.affected + DODGE * (place - (len(names) - 1) / 2),
            row.value,
            yerr=[[max(row.value - row.low, 0)], [max(row.high - row.value, 0)]],
            fmt="o",
            ms=4,
            capsize=2,
            color=VARIANT_COLOURS[row.variant],
            label=row.variant.replace("_", " "),
        )
    axis.set_xlabel("affected layers M")
