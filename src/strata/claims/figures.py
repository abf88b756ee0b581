"""Every claim on one axis: how far what we measured lies from what was published."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strata import paths
from strata.claims.agreement import agreement_table
from strata.claims.ledger import load_ledger
from strata.claims.speaking import Spoken
from strata.claims.tables import read_verdicts
from strata.figures.shown import Shown
from strata.figures.style import OUTCOME_COLOURS, PUBLISHED_COLOUR

FARTHEST = 1e3


def claims_agreement(shown: Shown) -> Figure:
    """Every claim on one axis, as one profile judges it."""
    claims = load_ledger()
    verdicts = read_verdicts(paths.results(shown.profile) / "verdicts.json")
    return agreement(
        agreement_table([Spoken(each, shown.profile, verdicts[each.id]) for each in claims])
    )


def agreement(table: pd.DataFrame) -> Figure:
    """Distance of every check from the published value, one row a claim, one panel a paper.

    Args:
        table: agreement_table: claim, outcome, subject, and value, low, high in tolerances.
    """
    panels = [rows for _, rows in table.groupby(table["claim"].str[0])]
    heights = [rows["claim"].nunique() for rows in panels]
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(9, 1.5 + 0.3 * sum(heights)), sharex=True, squeeze=False,
        height_ratios=heights,
    )  # fmt: skip
    for axis, rows in zip(axes[:, 0], panels, strict=True):
        _panel(axis, rows)
    _legend(axes[0, 0], table)
    axes[-1, 0].set_xlabel("distance from the published value (tolerances)")
    figure.tight_layout()
    return figure


def _panel(axis: Axes, table: pd.DataFrame) -> None:
    claims = list(table["claim"].unique())
    axis.axvspan(0, 1, color="0.93", zorder=0)
    axis.axvline(0, color=PUBLISHED_COLOUR, lw=2)
    for row, claim in enumerate(claims):
        checks = list(table[table["claim"] == claim].groupby("check", sort=False))
        places = row + np.linspace(-0.3, 0.3, len(checks) + 2)[1:-1]
        for place, (_, rows) in zip(places, checks, strict=True):
            _check(axis, place, rows.set_index("subject"))
    axis.set_yticks(range(len(claims)), claims)
    axis.set_ylim(len(claims) - 0.5, -0.5)
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xlim(-0.06, FARTHEST)
    axis.grid(axis="y", visible=False)


def _check(axis: Axes, place: float, rows: pd.DataFrame) -> None:
    nulls, model = rows.drop(index="model", errors="ignore"), rows.loc["model"]
    values = nulls["value"].clip(upper=FARTHEST)
    axis.plot(values, np.full(len(values), place), "|", color="0.6", ms=6)
    colour = OUTCOME_COLOURS[model["outcome"]]
    low, value, high = np.clip([model["low"], model["value"], model["high"]], 0, FARTHEST)
    axis.plot([low, high], [place, place], color=colour, lw=1.6)
    axis.plot(value, place, "o", color=colour, ms=4, clip_on=False)


def _legend(axis: Axes, table: pd.DataFrame) -> None:
    present = [outcome for outcome in OUTCOME_COLOURS if outcome in set(table["outcome"])]
    for outcome in present:
        axis.plot([], [], "o-", color=OUTCOME_COLOURS[outcome], ms=4, label=outcome)
    axis.plot([], [], "|", color="0.6", label="null model")
    axis.plot([], [], color=PUBLISHED_COLOUR, lw=2, label="published value")
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.02), ncol=4, fontsize="small")


FIGURES = (claims_agreement,)
