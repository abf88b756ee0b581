"""Figures of next-token fidelity: 1 at the unedited model, 0 at a unigram model of the text."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from strata.evidence import MODEL
from strata.figures.shown import Shown
from strata.figures.style import (
    PALETTE,
    intervals,
    legend,
    panels,
    subject_label,
    subject_lines,
    tight,
    words,
)
from strata.painters.catalogue import APPENDIX, PASSES, VARIANTS
from strata.painters.figures.decoders import CHANGE_LABELS, loops_panels, variant_lines

LABEL = "fidelity (unigram 0, unedited 1)"
APPENDIX_LINES = (":", "-.", (0, (1, 3)), (0, (5, 1, 1, 1, 1, 1)), "--")


def painters_fidelity(shown: Shown) -> Figure:
    """Every variant over affected layers: a row a decoder, a panel a subject."""
    table = shown.table("painters/fidelity").rename(columns={"at": "affected"})
    decoders = table.groupby("decoder", sort=False)
    figure, axes = panels(len(decoders), table["subject"].nunique(), 5.2, 4.4, sharey=True)
    for row, (decoder, rows) in zip(axes, decoders, strict=True):
        for axis, (subject, own) in zip(row, rows.groupby("subject", sort=False), strict=True):
            variant_lines(axis, own[own["variant"].isin(VARIANTS)])
            for name, style in zip(APPENDIX, APPENDIX_LINES, strict=True):
                extra = own[own["variant"] == name]
                axis.plot(
                    extra["affected"], extra["value"], ls=style, color="0.4", label=words(name)
                )
            axis.axhline(0, color="0.3", lw=0.8)
            axis.set(title=f"{decoder}\n{subject_label(subject)}", ylim=(-0.3, 1.05))
        row[0].set_ylabel(LABEL)
    legend(axes[0, -1], axes[0, 0])
    return tight(figure)


def painters_fidelity_layers(shown: Shown) -> Figure:
    """The first decoder without, and with swapped, each layer."""
    table = _first(shown.table("painters/fidelity"))
    figure, axes = plt.subplots(1, 2, figsize=(12.4, 4.2), sharey=True)
    for axis, (change, label) in zip(axes, CHANGE_LABELS.items(), strict=True):
        subject_lines(axis, table[table["variant"] == f"{change}_layer"], "at", fmt="o-", ms=4)
        axis.set(title=label, xlabel="layer")
    axes[0].set_ylabel(LABEL)
    legend(axes[1])
    return tight(figure)


def painters_fidelity_loops(shown: Shown) -> Figure:
    """The first decoder by passes and affected layers, and the best number of passes."""
    table = _first(shown.table("painters/fidelity")).rename(columns={"at": "affected"})
    best = _first(shown.table("painters/fidelity_loops"))
    return loops_panels(table[table["variant"] == PASSES], best, LABEL)


def painters_fidelity_kinds(shown: Shown) -> Figure:
    """Relative rise of the first decoder's NLL by kind of text: a panel an edit, a colour an M."""
    table = _first(shown.table("painters/fidelity_kinds"))
    variants = table[table["subject"] == MODEL].groupby("variant", sort=False)
    figure, axes = panels(1, len(variants), 4, 4, sharey=True)
    for axis, (variant, rows) in zip(axes[0], variants, strict=True):
        for place, (M, own) in enumerate(rows.groupby("affected")):
            intervals(axis, range(len(own)), own, color=PALETTE[place], label=f"M = {M}")
        names = [words(kind) for kind in own["kind"]]
        axis.set_xticks(range(len(own)), names, rotation=30, ha="right")
        axis.set_title(words(variant))
    axes[0, 0].set_ylabel("rise of the NLL over the unedited model's")
    legend(axes[0, -1], axes[0, 0])
    return tight(figure)


def _first(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["decoder"] == table["decoder"].iloc[0]]
