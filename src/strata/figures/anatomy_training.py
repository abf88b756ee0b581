"""Figures of paper A: recovery from noise and growth training."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure


def recovery_curves(
    curves: pd.DataFrame, tolerance: float, untouched: Mapping[str, float]
) -> Figure:
    """Perplexity over the untouched model's while one noised layer trains, a panel a text.

    Args:
        curves: recovery_curves.csv, the model's rows.
        tolerance: share above the untouched perplexity that counts as recovered.
        untouched: text -> perplexity of the untouched model.
    """
    texts = list(curves["text"].unique())
    figure, axes = plt.subplots(
        1, len(texts), figsize=(6 * len(texts), 4.2), sharey=True, squeeze=False
    )
    layers = sorted(curves["layer"].unique())
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.92, len(layers)))
    for axis, text in zip(axes[0], texts, strict=True):
        for layer, colour in zip(layers, colours, strict=True):
            runs = curves[(curves["text"] == text) & (curves["layer"] == layer)]
            for seed, rows in runs.groupby("seed"):
                label = f"layer {layer}" if seed == runs["seed"].min() else None
                axis.plot(
                    rows["step"],
                    rows["perplexity"] / untouched[text],
                    marker=".",
                    color=colour,
                    label=label,
                )
        axis.axhline(1 + tolerance, color="0.3", ls="--", lw=1)
        axis.set_xscale("symlog", linthresh=1)
        axis.set_yscale("log")
        axis.set_title("text kept apart" if text == "apart" else "the same ten sentences")
        axis.set_xlabel("training steps on the noised layer")
    axes[0, 0].set_ylabel("perplexity / untouched model's")
    axes[0, -1].legend(fontsize="small")
    figure.tight_layout()
    return figure


def growth_curves(table: pd.DataFrame) -> Figure:
    """Validation loss against steps (above) and FLOPs (below), a column a setting, mean of seeds.

    Args:
        table: growth.csv.
    """
    settings = list(table["setting"].unique())
    figure, axes = plt.subplots(2, len(settings), figsize=(6 * len(settings), 7.2), squeeze=False)
    arms = ["growth", "growth_permuted", "uniform", "uniform_restarts"]
    for column, setting in enumerate(settings):
        for arm in arms:
            rows = table[(table["setting"] == setting) & (table["arm"] == arm)]
            for axis, x in zip(axes[:, column], ("step", "gflops"), strict=True):
                groups = rows.groupby(x)["validation_loss"]
                axis.plot(
                    groups.mean().index,
                    groups.mean(),
                    marker="o",
                    ms=4,
                    label=arm.replace("_", " "),
                )
                axis.fill_between(groups.mean().index, groups.min(), groups.max(), alpha=0.2)
        axes[0, column].set_title(f"{setting}: validation loss (nats per token), range over seeds")
        axes[0, column].set_xlabel("optimizer steps")
        axes[1, column].set_xlabel("GFLOPs, frozen layers' forward passes counted")
    axes[0, -1].legend(fontsize="small")
    figure.tight_layout()
    return figure
