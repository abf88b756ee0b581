"""Figures of a look; SmolLM2's evidence of this repository lies behind, faint."""

import pandas as pd
from matplotlib.figure import Figure

from strata.figures.style import PALETTE, intervals, legend, panels, subject_lines, tight, words
from strata.painters.catalogue import VARIANTS

CHANGE = ("change_percent", "change_low", "change_high")
AGREEMENT = ("agreement", "low", "high")
FAINT = {"color": "0.7", "lw": 4, "zorder": 0}


def ablation(table: pd.DataFrame, reference: pd.DataFrame, of: str) -> Figure:
    """Perplexity change of each layer; the reference's depth is stretched to the model's."""
    own, behind = (each[each["reading"] == "neighbour_average"] for each in (table, reference))
    figure, ((axis,),) = panels(1, 1, 9, 4.2)
    behind = behind[behind["subject"] == "model"]
    stretched = behind["layer"] * own["layer"].max() / behind["layer"].max()
    axis.plot(stretched, behind["change_percent"], **FAINT, label=f"{of}, depth stretched")
    subject_lines(axis, own, "layer", CHANGE)
    axis.set_yscale("symlog", linthresh=1)
    axis.set(xlabel="layer", ylabel="change of perplexity (%)")
    return _legend_outside(figure)


def single_layers(table: pd.DataFrame) -> Figure:
    """Agreement with each layer left out, and with each two neighbours swapped."""
    figure, ((axis,),) = panels(1, 1, 9, 4.2)
    labels = {"skip_layer": "layer left out", "swap_layer": "swapped with the next"}
    for place, (change, label) in enumerate(labels.items()):
        rows = table[table["change"] == change]
        look = {"color": PALETTE[place], "label": label}
        intervals(axis, rows["at"] + 0.2 * place, rows, AGREEMENT, **look)
    axis.set(xlabel="layer", ylabel="tokens with the same first choice", ylim=(0, 1))
    return _legend_outside(figure)


def variants(table: pd.DataFrame) -> Figure:
    """Agreement over the number of affected layers, a line a variant."""
    figure, ((axis,),) = panels(1, 1, 9, 4.2)
    for place, (name, variant) in enumerate(VARIANTS.items()):
        rows = table[table["change"] == name]
        look = {"color": PALETTE[variant.colour], "label": words(name), "fmt": "o-"}
        dodged = rows["at"] + 0.12 * (place - len(VARIANTS) / 2)
        intervals(axis, dodged, rows, AGREEMENT, **look)
    axis.set(xlabel="affected layers M", ylabel="tokens with the same first choice", ylim=(0, 1))
    return _legend_outside(figure)


def structure(table: pd.DataFrame) -> Figure:
    """Effective rank of the weights, and how far a layer moves the residual stream."""
    shown = {
        "weight_effective_rank": "effective rank of the matrices, mean",
        "update_ratio_rest": "norm of the update / norm of the stream",
    }
    figure, axes = panels(1, len(shown), 5.5, 3.6)
    for axis, (column, label) in zip(axes[0], shown.items(), strict=True):
        for subject, rows in table.groupby("subject", sort=False):
            axis.plot(rows["layer"], rows[column], label=words(subject))
        axis.set(xlabel="layer", title=label, yscale="log")
    legend(axes[0, -1])
    return tight(figure)


def _legend_outside(figure: Figure) -> Figure:
    legend(figure.axes[0])
    return tight(figure)
