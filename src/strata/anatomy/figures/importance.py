"""Figures of paper A: importance, manipulations, predictors of importance."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strata.figures.shown import Shown
from strata.figures.style import (
    MODEL_COLOUR,
    PUBLISHED_COLOUR,
    PUBLISHED_MARK,
    SUBJECT_COLOURS,
    intervals,
    legend,
    panels,
    subject_lines,
    tight,
    words,
)

CHANGE = ("change_percent", "change_low", "change_high")

READING_LABELS = {
    "neighbour_average": "weights replaced by the mean of the neighbours'",
    "skip": "layer left out",
}
AVERAGED = "subject == 'model' and reading == 'neighbour_average'"


def anatomy_ablation(shown: Shown) -> Figure:
    """Perplexity change of each ablated layer with its interval, one panel a reading."""
    table, published = shown.table("anatomy/ablation"), _published_changes(shown)
    readings = list(table["reading"].unique())
    figure, axes = panels(1, len(readings), 6.2, 4.4, sharey=True)
    for axis, reading in zip(axes[0], readings, strict=True):
        subject_lines(axis, table[table["reading"] == reading], "layer", CHANGE)
        _percent_axis(axis)
        axis.set_title(READING_LABELS[reading])
    axes[0, 0].scatter(published.keys(), published.values(), **PUBLISHED_MARK, label="published")
    axes[0, 0].set_ylabel("change of perplexity (%)")
    legend(axes[0, -1], axes[0, 0])
    return tight(figure)


def anatomy_small_draws(shown: Shown) -> Figure:
    """What a few passages at a time would have said: spread of a layer, and rate of anti calls."""
    table = shown.table("anatomy/ablation_small_draws", AVERAGED)
    published = _published_changes(shown)
    draw_size = shown.settings.anatomy_ablation.draw_size
    figure, (spread, rate) = plt.subplots(2, 1, figsize=(9, 6.4), sharex=True, height_ratios=[3, 2])
    layers = table["layer"]
    spread.vlines(layers, table["change_q025"], table["change_q975"], color=MODEL_COLOUR, lw=1.5)
    spread.vlines(layers, table["change_q25"], table["change_q75"], color=MODEL_COLOUR, lw=5)
    spread.scatter(
        layers, table["change_median"], color="white", edgecolor=MODEL_COLOUR, s=22, zorder=3
    )
    spread.scatter(published.keys(), published.values(), **PUBLISHED_MARK, label="published")
    title = f"{draw_size} passages at a time: median, middle half, middle 95% of draws"
    spread.set(ylabel="change of perplexity (%)", title=title)
    legend(spread)
    _percent_axis(spread)
    claimed = layers.isin([layer for layer, change in published.items() if change < 0])
    colours = [PUBLISHED_COLOUR if named else MODEL_COLOUR for named in claimed]
    rate.bar(layers, 100 * table["anti_rate"], color=colours)
    columns = ("anti_rate", "anti_rate_low", "anti_rate_high")
    intervals(rate, layers, table, columns, scale=100, fmt="none", ecolor="0.2", capsize=0)
    rate.set(ylabel="draws that call it\nan anti-layer (%)", xlabel="layer")
    note = "orange: called anti-layers by the paper"
    rate.set_title(note, color=PUBLISHED_COLOUR, loc="right", fontsize="medium")
    return tight(figure)


def anatomy_manipulation(shown: Shown) -> Figure:
    """Cost of every strategy on all redundant layers at once; scaling against alpha beside it."""
    table = shown.table("anatomy/manipulation", "subject == 'model'")
    table = table[table["layers"] == table["layers"].iloc[0]]
    published = shown.published.value("scaled_change")
    figure, (bars, curve) = plt.subplots(1, 2, figsize=(12, 4.2), width_ratios=[3, 4])
    others = table[table["alpha"].isna()].sort_values("change_percent")
    intervals(bars, range(len(others)), others, CHANGE, across=True, color=MODEL_COLOUR)
    bars.set_yticks(range(len(others)), [words(name) for name in others["strategy"]])
    bars.set_xscale("symlog", linthresh=1)
    bars.locator_params(axis="x", numticks=6)
    bars.set_xlabel("change of perplexity (%)")
    for strategy, rows in table.dropna(subset="alpha").groupby("strategy"):
        curve.plot(rows["alpha"], rows["change_percent"], "o-", label=words(strategy))
        curve.fill_between(rows["alpha"], rows["change_low"], rows["change_high"], alpha=0.2)
    curve.scatter([0.9], [published], **PUBLISHED_MARK, label="published")
    curve.axhline(0, color="0.3", lw=0.8)
    curve.set_yscale("symlog", linthresh=10)
    curve.set(xlabel="alpha (factor on the weights or the output)", ylabel=bars.get_xlabel())
    legend(curve)
    return tight(figure)


def anatomy_importance(shown: Shown) -> Figure:
    """Rank correlation of each cheap statistic with ablation importance, with intervals."""
    table = shown.table("anatomy/structure_importance")
    names = list(table.query("subject == 'model'").sort_values("spearman")["statistic"])
    figure, axis = plt.subplots(figsize=(9, 4.6))
    for subject, shift in zip(SUBJECT_COLOURS, (0.22, 0, -0.22), strict=True):
        rows = table[table["subject"] == subject].set_index("statistic").loc[names]
        look = {"color": SUBJECT_COLOURS[subject], "label": words(subject)}
        places, columns = np.arange(len(names)) + shift, ("spearman", "low", "high")
        intervals(axis, places, rows, columns, across=True, **look)
    axis.axvline(0, color="0.3", lw=0.8)
    axis.set_yticks(range(len(names)), [words(name) for name in names])
    axis.set_xlabel("Spearman correlation with the cost of ablating the layer")
    legend(axis)
    return tight(figure)


def _published_changes(shown: Shown) -> dict[int, float]:
    """Layer -> the paper's change in percent."""
    return shown.published.by_layer("anatomy/ablation.json", "neighbour_average.change_L")


def _percent_axis(axis: Axes) -> None:
    axis.axhline(0, color="0.3", lw=0.8)
    axis.set_yscale("symlog", linthresh=1)
    axis.set(xlabel="layer", xlim=(-0.8, None))
