"""Figures of paper A: recovery from noise and growth training."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strata.anatomy.figures.importance import AVERAGED
from strata.figures.shown import Shown
from strata.figures.style import (
    MODEL_COLOUR,
    PUBLISHED_COLOUR,
    PUBLISHED_MARK,
    legend,
    panels,
    tight,
    words,
)

TEXT_LABELS = {"apart": "text kept apart", "same_text": "the same ten sentences"}


def anatomy_recovery(shown: Shown) -> Figure:
    """Perplexity over the untouched model's while one noised layer trains, a panel a text."""
    curves = shown.table("anatomy/recovery_curves", "subject == 'model'")
    runs = shown.table("anatomy/recovery", "subject == 'model'")
    untouched = runs.groupby("text")["untouched"].first()
    tolerance = shown.settings.anatomy_recovery.tolerance
    texts = list(curves["text"].unique())
    figure, axes = panels(1, len(texts), 6, 4.2, sharey=True)
    layers = sorted(curves["layer"].unique())
    colours = colormaps["viridis"](np.linspace(0, 0.92, len(layers)))
    for axis, text in zip(axes[0], texts, strict=True):
        for layer, colour in zip(layers, colours, strict=True):
            runs = curves[(curves["text"] == text) & (curves["layer"] == layer)]
            for seed, rows in runs.groupby("seed"):
                label = f"layer {layer}" if seed == runs["seed"].min() else None
                share = rows["perplexity"] / untouched[text]
                axis.plot(rows["step"], share, ".-", color=colour, label=label)
        axis.axhline(1 + tolerance, color="0.3", ls="--", lw=1)
        axis.set_xscale("symlog", linthresh=1)
        axis.set(xlim=(-0.2, None), yscale="log", title=TEXT_LABELS[text])
        axis.set_xlabel("training steps on the noised layer")
    axes[0, 0].set_ylabel("perplexity / untouched model's")
    legend(axes[0, -1], ncol=1 + len(layers) // 16)
    return tight(figure)


def anatomy_recovery_steps(shown: Shown) -> Figure:
    """Steps to recovery against the cost of ablation, a panel a text.

    A point is the mean over seeds, an open one where a seed's steps ran out; its line reaches from
    the quickest seed's last check above the threshold to the slowest seed's first below it.
    """
    runs = shown.table("anatomy/recovery", "subject == 'model'")
    importance = shown.table("anatomy/ablation", AVERAGED)
    published = shown.published.by_layer("anatomy/recovery.json", "steps_L")
    texts = list(runs["text"].unique())
    figure, axes = panels(1, len(texts), 6, 4.2, sharey=True)
    costs = importance.set_index("layer")["change_percent"]
    for axis, text in zip(axes[0], texts, strict=True):
        layers = runs[runs["text"] == text].groupby("layer")
        steps, recovered = layers["steps"].mean(), layers["recovered"].all()
        places = costs.loc[steps.index]
        ends = layers["least_steps"].min(), layers["steps"].max()
        axis.vlines(places, *ends, color=MODEL_COLOUR, lw=1, alpha=0.5)
        point = {"edgecolor": MODEL_COLOUR, "s": 20}
        for chosen, face, label in (
            (recovered, MODEL_COLOUR, "recovered"),
            (~recovered, "none", "steps ran out"),
        ):
            axis.scatter(places[chosen], steps[chosen], facecolor=face, label=label, **point)
        _name_layers(axis, places, steps, MODEL_COLOUR)
        claimed = pd.Series({layer: published[layer] for layer in published if layer in places})
        axis.scatter(places[claimed.index], claimed, **PUBLISHED_MARK, label="published")
        _name_layers(axis, places, claimed, PUBLISHED_COLOUR)
        axis.set_xscale("symlog", linthresh=1)
        axis.set_yscale("symlog", linthresh=1)
        axis.set_title(TEXT_LABELS[text])
        axis.set_xlabel("change of perplexity when the layer is ablated (%)")
    axes[0, 0].set_ylabel("training steps to recovery")
    legend(axes[0, -1])
    return tight(figure)


def _name_layers(axis: Axes, places: pd.Series, steps: pd.Series, colour: object) -> None:
    for layer, step in steps.items():
        look = {"textcoords": "offset points", "fontsize": "x-small", "color": colour}
        axis.annotate(str(layer), (places[layer], step), (4, 3), **look)


def anatomy_growth(shown: Shown) -> Figure:
    """Validation loss against steps and, below, FLOPs: a setting a column, mean of seeds."""
    table = shown.table("anatomy/growth")
    settings = list(table["setting"].unique())
    figure, axes = panels(2, len(settings), 6, 3.6)
    arms = ["growth", "growth_permuted", "uniform", "uniform_restarts"]
    for column, setting in enumerate(settings):
        for arm in arms:
            rows = table[(table["setting"] == setting) & (table["arm"] == arm)]
            for axis, x in zip(axes[:, column], ("step", "gflops"), strict=True):
                loss = rows.groupby(x)["validation_loss"]
                axis.plot(loss.mean(), "o-", ms=4, label=words(arm))
                axis.fill_between(loss.mean().index, loss.min(), loss.max(), alpha=0.2)
        title = f"{setting}: validation loss (nats per token), range over seeds"
        axes[0, column].set(title=title, xlabel="optimizer steps")
        axes[1, column].set_xlabel("GFLOPs, frozen layers' forward passes counted")
    legend(axes[0, -1])
    return tight(figure)
