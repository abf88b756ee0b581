"""One look for every figure: colour-blind safe, intervals visible, small deterministic files."""

import io
from collections.abc import Sequence
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
from numpy.typing import ArrayLike
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
    "partly": PALETTE[9],
    "not replicated": PALETTE[3],
    "not specific": PALETTE[4],
    "artefact": PALETTE[5],
    "underpowered": PALETTE[7],
    "not run": "0.8",
}
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
    columns: Sequence[str] = ("value", "low", "high"),
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
