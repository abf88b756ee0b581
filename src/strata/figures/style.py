"""One look for every figure: colour-blind safe, intervals visible, small deterministic files."""

import io
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from strata.records import write_bytes

COLOURS = 64
PALETTE = sns.color_palette("colorblind")
MODEL_COLOUR = PALETTE[0]
PUBLISHED_COLOUR = PALETTE[3]
NULL_COLOURS = {"random_initialisation": "0.55", "shuffled_layers": PALETTE[1]}
SUBJECT_COLOURS = {"model": MODEL_COLOUR, **NULL_COLOURS}
OUTCOME_COLOURS = {
    "replicated": PALETTE[0],
    "not replicated": PALETTE[3],
    "holds on a stand-in": PALETTE[9],
    "fails on a stand-in": PALETTE[1],
    "in part": PALETTE[2],
    "not specific": PALETTE[4],
    "artefact": PALETTE[5],
    "open": PALETTE[7],
    "not run": "0.8",
}
VALUE = ("value", "low", "high")
PUBLISHED_MARK = {"marker": "D", "s": 36, "color": PUBLISHED_COLOUR, "zorder": 5}


def use_style() -> None:
    """Apply the repository's look to everything drawn from here on.

    SVG keeps its text as text: smaller, searchable, and the same bytes every time. A notebook that
    embeds PNG embeds `png`.
    """
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.figsize": (9, 4.2),
            "figure.dpi": 75,
            "font.sans-serif": ["DejaVu Sans", "Verdana"],
            "svg.fonttype": "none",
            "svg.hashsalt": "strata",
        }
    )
    plt.switch_backend(plt.get_backend())  # lets a notebook choose its picture format now
    if shell := get_ipython():
        formatter = shell.display_formatter.formatters["image/png"]
        if formatter.pop(Figure, None):
            formatter.for_type(Figure, png)


def intervals(
    axis: Axes,
    places: ArrayLike,
    rows: pd.DataFrame,
    columns: Sequence[str] = VALUE,
    across: bool = False,
    scale: float = 1,
    **look: Any,
) -> ErrorbarContainer:
    """Draw values with their intervals.

    Args:
        columns: the value's column, the interval's low and its high end.
        across: the values lie along x and the places along y.
        scale: factor on values and ends, e.g. 100 for percent.
    """
    value, low, high = (scale * rows[column] for column in columns)
    errors = np.clip([value - low, high - value], 0, None)
    look = {"fmt": "o", "ms": 5, "capsize": 2} | look
    if across:
        return axis.errorbar(value, places, xerr=errors, **look)
    return axis.errorbar(places, value, yerr=errors, **look)


def subject_label(subject: str) -> str:
    """What a legend or title calls the model or a null."""
    return f"null: {words(subject)}" if subject in NULL_COLOURS else "trained model"


def subject_lines(
    axis: Axes, table: pd.DataFrame, x: str, columns: Sequence[str] = VALUE, **look: Any
) -> None:
    """The model with its intervals, in this look, and each null as a thin line."""
    for subject, rows in table.groupby("subject", sort=False):
        if subject in NULL_COLOURS:
            thin = {"color": NULL_COLOURS[subject], "lw": 1, "label": subject_label(subject)}
            axis.plot(rows[x], rows[columns[0]], **thin)
        else:
            label = "trained model, 95% interval"
            intervals(axis, rows[x], rows, columns, color=MODEL_COLOUR, label=label, **look)


def band(
    axis: Axes, middle: pd.Series, ends: Sequence[pd.Series], *look: str, alpha: float, **more: Any
) -> None:
    """A line over its index, and the range about it; the look is of the line."""
    (line,) = axis.plot(middle.index, middle, *look, **more)
    axis.fill_between(middle.index, *ends, color=line.get_color(), alpha=alpha)


def legend(beside: Axes, *of: Axes, **look: Any) -> None:
    """A panel's labels, or those `of` others, outside the data: to the right of `beside`."""
    found = [axis.get_legend_handles_labels() for axis in of or [beside]]
    handles, labels = (list(chain(*each)) for each in zip(*found, strict=True))
    place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1), "borderaxespad": 0}
    beside.legend(handles, labels, fontsize="small", **place, **look)


def panels(
    rows: int, columns: int, width: float, height: float, **shared: Any
) -> tuple[Figure, NDArray[np.object_]]:
    """A figure of rows x columns axes, each of a width and height in inches, and the axes."""
    size = (width * columns, height * rows)
    return plt.subplots(rows, columns, figsize=size, squeeze=False, **shared)


def tight(figure: Figure) -> Figure:
    """The figure with its panels as large as their labels allow; legends widen it."""
    legends = [each for axis in figure.axes if (each := axis.get_legend())]
    for each in legends:
        each.set_in_layout(False)
    figure.tight_layout()
    for each in legends:
        each.set_in_layout(True)
    return figure


def words(name: str) -> str:
    """A name of the evidence as words."""
    return name.replace("_", " ")


def png(figure: Figure, dpi: float | None = None) -> bytes:
    """A figure as PNG of few colours, a third of the bytes of a full one.

    Args:
        dpi: the style's unless given.
    """
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=dpi or "figure", bbox_inches="tight")
    picture = Image.open(full).convert("RGB")
    few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(small, format="png", optimize=True)
    return small.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that is the same bytes for the same figure, and close the figure."""
    write_bytes(path, png(figure, dpi=150))
    plt.close(figure)
