"""Figures of paper C's encoders on GLUE."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strata.figures.shown import Shown
from strata.figures.style import legend, panels, subject_label, tight
from strata.painters.figures.decoders import full_line, variant_lines

READING_LABELS = {
    "frozen": "frozen, classifier trained",
    "converged": "frozen, converged readout",
    "finetuned": "fine-tuned under it",
}


def painters_glue(shown: Shown) -> Figure:
    """GLUE average over affected layers: a row a reading, a column a subject."""
    table = shown.table("painters/glue")
    subjects = list(table["subject"].unique())
    figure, axes = panels(len(READING_LABELS), len(subjects), 4.8, 3.7, sharex=True, sharey=True)
    for row, (reading, label) in enumerate(READING_LABELS.items()):
        own = table[table["reading"] == reading]
        for axis, subject in zip(axes[row], subjects, strict=True):
            _with_full(axis, own[own["subject"] == subject])
            if row == 0:
                axis.set_title(subject_label(subject))
        axes[row, 0].set_ylabel(f"{label}\nGLUE average")
    legend(axes[0, -1], axes[0, 0])
    return tight(figure)


def painters_glue_tasks(shown: Shown) -> Figure:
    """The trained model by task and metric: a row a reading, a column a metric."""
    own = shown.table("painters/glue_tasks", "subject == 'model'")
    columns = list(own[["task", "metric"]].drop_duplicates().itertuples(index=False, name=None))
    figure, axes = panels(len(READING_LABELS), len(columns), 3.6, 3.4, sharex=True)
    for row, (reading, label) in enumerate(READING_LABELS.items()):
        rows = own[own["reading"] == reading]
        for axis, (task, metric) in zip(axes[row], columns, strict=True):
            part = rows[(rows["task"] == task) & (rows["metric"] == metric)]
            axis.set_title(f"{task}, {metric}", fontsize=11)
            if part.empty:
                axis.axis("off")
            else:
                _with_full(axis, part)
        axes[row, 0].set_ylabel(label)
    legend(axes[0, -1], axes[0, 0])
    return tight(figure)


def _with_full(axis: Axes, table: pd.DataFrame) -> None:
    """Every variant, and the full model as a dotted line."""
    full_line(axis, table.query("variant == 'full'")["value"].iloc[0])
    variant_lines(axis, table.query("variant != 'full'"))
