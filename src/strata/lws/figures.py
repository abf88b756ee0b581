"""Figures of paper B."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strata.figures.shown import Shown
from strata.figures.style import PALETTE, PUBLISHED_COLOUR, PUBLISHED_MARK, intervals, legend, tight
from strata.lws.published import curves as published_curves
from strata.lws.scaling import BASELINES

VARIANTS = {
    "baseline_12l": ("Baseline 12L", PALETTE[7]),
    "vanilla_12l": ("Vanilla LWS 12L", PALETTE[4]),
    "baseline_18l": ("Baseline 18L", "0.15"),
    "vanilla_18l": ("Vanilla LWS 18L", PALETTE[0]),
    "framed": ("Framed LWS", PALETTE[1]),
    "reverse": ("Reverse LWS", PALETTE[2]),
    "crown": ("Crown LWS", PALETTE[8]),
    "bowtie": ("Bowtie", PALETTE[3]),
}
READERS = {
    "as_published": "ours, as-published reader (reported)",
    "correct": "ours, correct reader",
}
DEEP = ("baseline_18l", "vanilla_18l", "framed", "reverse", "crown")
PUBLISHED_BILLIONS = 5.112  # positions of a run
FIGURE_4 = ("baseline_12l", "vanilla_12l", "baseline_18l", "vanilla_18l")


def lws_depth_profile(shown: Shown) -> Figure:
    """Figure 3: parameters of each layer (millions), one line a variant: the code's as lines, the
    text's wording dashed where it differs, the first layers that the figure draws as marks."""
    layers = shown.table("lws/architecture_layers")
    drawn = shown.published.by_name("lws/architecture.json", "first_layer_millions.")
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), sharey=True)
    for axis, depth in zip(axes, (12, 18), strict=True):
        for name, rows in layers.groupby("variant", sort=False):
            if len(rows) == depth:
                label, colour = VARIANTS[name]
                code, text = rows["parameters"] / 1e6, rows["worded_parameters"] / 1e6
                axis.plot(rows["layer"], code, "o-", ms=4, color=colour, label=label)
                if not np.allclose(code, text, rtol=0.01):
                    axis.plot(rows["layer"], text, "--", lw=1, color=colour)
                if name in drawn:
                    axis.plot(0, drawn[name], "D", ms=9, mfc="none", color=colour)
        axis.set(title=f"{depth} layers", xlabel="layer")
    legend(axes[1], *axes)
    axes[0].set_ylabel("parameters (millions)")
    return tight(figure)


def lws_validation(shown: Shown) -> Figure:
    """Figure 4: validation perplexity of baseline and vanilla LWS at both depths."""
    return _validation(shown, FIGURE_4, start=0)


def lws_validation_18l(shown: Shown) -> Figure:
    """Figure 5: validation perplexity of the 18-layer variants in the second part of the run."""
    return _validation(shown, DEEP, start=0.4)


def lws_training(shown: Shown) -> Figure:
    """Figures 6 and 7: training loss of the 18-layer variants, whole and its last part."""
    chosen = "kind == 'training' and reader == 'correct' and control != control"
    rows = shown.table("lws/curves", chosen).query("variant in @DEEP")
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.2))
    for axis, title, start in zip(axes, ("whole run", "last part"), (0, 0.6), strict=True):
        _curves(axis, rows[rows["positions"] > start * rows["positions"].max()], np.asarray)
        axis.set(title=f"{title}, {READERS['correct']}", ylabel="training loss (nats)")
    legend(axes[-1])
    return tight(figure)


def lws_changes(shown: Shown) -> Figure:
    """Perplexity of each LWS variant against the baseline of its depth, with intervals."""
    names = [name for name in VARIANTS if not name.startswith("baseline")]
    table = shown.table("lws/compare").query("variant in @names")
    printed = pd.Series(shown.published.by_name("lws/compare.json", "val_loss."))
    figure, axis = plt.subplots(figsize=(9, 4.4))
    styles = [
        ("as_published", False, -0.15, PALETTE[1], READERS["as_published"]),
        ("correct", False, 0.0, PALETTE[0], READERS["correct"]),
        ("correct", True, 0.15, "0.55", "control: its layers in a random depth order"),
    ]
    for reader, control, shift, colour, label in styles:
        rows = table[(table["reader"] == reader) & (table["control"].notna() == control)]
        if not rows.empty:
            where, columns = rows["variant"].map(names.index) + shift, _ends("change_percent")
            intervals(axis, where, rows, columns, color=colour, label=label)
    bases = [BASELINES[12 if name.endswith("12l") else 18] for name in names]
    gaps = printed.reindex(names).to_numpy() - printed[bases].to_numpy()
    for power, alpha, label in ((1, 0.4, "published"), (2, 1, "published, squared")):
        marks = 100 * np.expm1(power * gaps)
        where = np.arange(len(names)) - 0.3
        axis.scatter(where, marks, **PUBLISHED_MARK, alpha=alpha, label=label)
    axis.axhline(0, color="0.3", lw=0.8)
    axis.set_xticks(range(len(names)), [VARIANTS[name][0] for name in names])
    axis.set_ylabel("perplexity against baseline (%),\n95% intervals")
    legend(axis)
    return tight(figure)


def lws_zeros(shown: Shown) -> Figure:
    """Loss at real positions, at zeros, and their mean, which is what was reported."""
    rows = shown.table("lws/compare", "reader == 'as_published'")
    figure, axis = plt.subplots(figsize=(9, 4.2))
    kinds = {
        "real_loss": ("real tokens", PALETTE[0]),
        "zero_loss": ("zeros", "0.6"),
        "reported_loss": ("reported: both", PUBLISHED_COLOUR),
    }
    for number, (kind, (label, colour)) in enumerate(kinds.items()):
        places = np.arange(len(rows)) + 0.27 * (number - 1)
        drawn = axis.bar(places, rows[kind], 0.25, color=colour, label=label)
        axis.bar_label(drawn, fmt="%.2g", fontsize="small", padding=9)  # zeros are seen too
        intervals(axis, places, rows, _ends(kind), fmt="none", ecolor="0.2")
    axis.set_xticks(range(len(rows)), [VARIANTS[name][0] for name in rows["variant"]])
    axis.set_ylabel("validation loss (nats a position)")
    legend(axis)
    return tight(figure)


FIGURES = (
    lws_depth_profile,
    lws_validation,
    lws_validation_18l,
    lws_training,
    lws_changes,
    lws_zeros,
)


def _validation(shown: Shown, variants: tuple[str, ...], start: float) -> Figure:
    """Validation perplexity against positions: as published, corrected by the square, and ours by
    each reader.

    Args:
        start: share of the run to leave out at its beginning.
    """
    chosen = shown.table("lws/curves", "kind == 'validation' and control != control")
    readers = [reader for reader in READERS if reader in set(chosen["reader"])]
    figure, axes = plt.subplots(1, 2 + len(readers), figsize=(5 + 4.5 * len(readers), 4.2))
    published = published_curves().query("variant in @variants")
    published = published[published["positions_billion"] > start * PUBLISHED_BILLIONS]
    for axis, power, title in zip(axes, (1, 2), ("published", "published, squared"), strict=False):
        for name, rows in published.groupby("variant", sort=False):
            colour = VARIANTS[name][1]
            billions, value = rows["positions_billion"], rows["perplexity"] ** power
            axis.plot(billions, value, "o-", ms=3, color=colour)
            low, high = (rows["perplexity"] + sign * rows["sd_half_width"] for sign in (-1, 1))
            axis.fill_between(billions, low**power, high**power, color=colour, alpha=0.15, lw=0)
        axis.set(title=title, xlabel="positions (billion)", ylabel="validation perplexity")
    for axis, reader in zip(axes[2:], readers, strict=True):
        rows = chosen.query("reader == @reader and variant in @variants")
        _curves(axis, rows[rows["positions"] > start * rows["positions"].max()], np.exp)
        axis.set(title=READERS[reader], ylabel="validation perplexity")
    legend(axes[-1])
    return tight(figure)


def _ends(column: str) -> tuple[str, str, str]:
    return column, f"{column}_low", f"{column}_high"


def _curves(axis: Axes, rows: pd.DataFrame, shown: np.ufunc) -> None:
    """Mean over seeds as a line, every seed as a thin one."""
    for name, of_variant in rows.groupby("variant", sort=False):
        label, colour = VARIANTS[name]
        for _, of_seed in of_variant.groupby("seed"):
            millions = of_seed["positions"] / 1e6
            axis.plot(millions, shown(of_seed["loss"]), color=colour, lw=0.5, alpha=0.5)
        mean = of_variant.groupby("positions")["loss"].mean()
        axis.plot(mean.index / 1e6, shown(mean), color=colour, lw=2, label=label)
    axis.set_xlabel("training positions (million)")
