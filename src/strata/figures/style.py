"""One look for every figure: colour-blind safe, intervals visible, deterministic files."""

from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

PALETTE = sns.color_palette("colorblind")
MODEL_COLOUR = PALETTE[0]
PUBLISHED_COLOUR = PALETTE[3]
NULL_COLOURS = {"random_initialisation": "0.55", "shuffled_layers": PALETTE[1]}
SUBJECT_COLOURS = {"model": MODEL_COLOUR, **NULL_COLOURS}
PUBLISHED_MARK = {"marker": "D", "s": 36, "color": PUBLISHED_COLOUR, "zorder": 5}


def use_style() -> None:
    """Apply the repository's look to everything drawn from here on."""
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
    plt.rcParams.update({"figure.figsize": (9, 4.2), "figure.dpi": 100, "svg.hashsalt": "strata"})


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that is the same bytes for the same figure, and close the figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
