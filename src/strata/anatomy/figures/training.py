"""Figures of paper A: recovery from noise and growth training."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strata.anatomy.figures.importance import AVERAGED
from strata.figures.shown import Shown
from strata.figures.style import MODEL_COLOUR, PUBLISHED_COLOUR, PUBLISHED_MARK

TEXT_LABELS = {"apart": "text kept apart", "same_text": "the same ten sentences"}


def anatomy_recovery(shown: Shown) -> Figure:
    """Perplexity over the untouched model's while one noised layer trains, a panel a text."""
    curves = shown.table("anatomy/recovery_curves", "subject == 'model'")
    runs = shown.table("anatomy/recovery", "subject == 'model'")
    untouched = runs.groupby("text")["untouched"].first()
    tolerance = shown.settings.anatomy_recovery.tolerance
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
        axis.set_xlim(left=-0.2)
        axis.set_yscale("log")
        axis.set_title(TEXT_LABELS[text])
        axis.set_xlabel("training steps on the noised layer")
    axes[0, 0].set_ylabel("perplexity / untouched model's")
    axes[0, -1].legend(fontsize="small")
    figure.tight_layout()
    return figure


def anatomy_recovery_steps(shown: Shown) -> Figure:
    """Steps to recovery against the cost of ablation, a panel a text.

    A point is the mean over seeds, an open one where a seed's steps ran out; its line reaches from
    the quickest seed's last check above the threshold to the slowest seed's first below it.
    """
    runs = shown.table("anatomy/recovery", "subject == 'model'")
    importance = shown.table("anatomy/ablation", AVERAGED)
    published = shown.published.by_layer("anatomy/recovery.json", "steps_L")
    texts = list(runs["text"].unique())
    figure, axes = plt.subplots(
        1, len(texts), figsize=(6 * len(texts), 4.2), sharey=True, squeeze=False
    )
    costs = importance.set_index("layer")["change_percent"]
    for axis, text in zip(axes[0], texts, strict=True):
        layers = runs[runs["text"] == text].groupby("layer")
        steps, recovered = layers["steps"].mean(), layers["recovered"].all()
        places = costs.loc[steps.index]
        axis.vlines(
            places,
            layers["least_steps"].min(),
            layers["steps"].max(),
            color=MODEL_COLOUR,
            lw=1,
            alpha=0.5,
        )
        for chosen, face, label in (
            (recovered, MODEL_COLOUR, "recovered"),
            (~recovered, "none", "steps ran out"),
        ):
            axis.scatter(
                places[chosen],
                steps[chosen],
                facecolor=face,
                edgecolor=MODEL_COLOUR,
                s=20,
                label=label,
            )
        _name_layers(axis, places, steps, MODEL_COLOUR)
        claimed = pd.Series({layer: published[layer] for layer in published if layer in places})
        axis.scatter(places[claimed.index], claimed, **PUBLISHED_MARK, label="published")
        _name_layers(axis, places, claimed, PUBLISHED_COLOUR)
        axis.set_xscale("symlog", linthresh=1)
        axis.set_yscale("symlog", linthresh=1)
        axis.set_title(TEXT_LABELS[text])
        axis.set_xlabel("change of perplexity when the layer is ablated (%)")
    axes[0, 0].set_ylabel("training steps to recovery")
    axes[0, 0].legend(fontsize="small", loc="center right")
    figure.tight_layout()
    return figure


def _name_layers(axis: Axes, places: pd.Series, steps: pd.Series, colour: object) -> None:
    for layer, step in steps.items():
        axis.annotate(
            str(layer),
            (places[layer], step),
            (4, 3),
            textcoords="offset points",
            fontsize="x-small",
            color=colour,
        )


def anatomy_growth(shown: Shown) -> Figure:
    """Validation loss against steps and, below, FLOPs: a setting a column, mean of seeds."""
    table = shown.table("anatomy/growth")
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
