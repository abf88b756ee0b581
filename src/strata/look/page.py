"""What was found on a model, on one page that needs no network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from strata import paths, profiles
from strata.claims import judge, load_ledger
from strata.claims.entries import Claim
from strata.claims.measured import read_evidence
from strata.claims.numbers import interval
from strata.claims.published import Published
from strata.claims.speaking import Spoken
from strata.claims.tables import check_table
from strata.evidence import MODEL
from strata.figures.shown import Shown
from strata.look import drawing
from strata.painters.figures.decoders import painters_similarity, painters_token_norms
from strata.params import Params
from strata.report import pages, pictures
from strata.results import read_json, read_table

MOST_IMPORTANT = 5


class Picture(NamedTuple):
    """A figure as part of the page, its heading, and what it shows."""

    title: str
    says: str
    svg: str


def page(settings: Params, price: str) -> str:
    """The page of a look whose evidence is below paths.RESULTS."""
    folder = paths.results(settings.profile)
    ablated, agreed = (
        read_table(folder / f"{name}.csv") for name in ("anatomy/ablation", "painters/agreement")
    )
    about = read_json(folder / "anatomy" / "ablation.json")["about"]
    return pages.single_page(
        f"{settings.profile} through three papers",
        "look.html.j2",
        about=about,
        price=price,
        layers=important(ablated, agreed),
        verdicts=judged(folder),
        pictures=list(_pictures(settings, ablated, agreed)),
    )


def important(ablated: pd.DataFrame, agreed: pd.DataFrame) -> list[dict[str, str]]:
    """The layers whose ablation costs most, a row each."""
    own = ablated[(ablated["subject"] == MODEL) & (ablated["reading"] == "neighbour_average")]
    by_place = agreed.set_index(["change", "at"])
    return [
        {
            "layer": str(row["layer"]),
            "perplexity": _shown(row, drawing.CHANGE, unit="%", signed=True),
            **{
                change: _shown(by_place.loc[change, row["layer"]], drawing.AGREEMENT)
                if (change, row["layer"]) in by_place.index
                else "-"  # the last has no next to be swapped with
                for change in ("skip_layer", "swap_layer")
            },
        }
        for _, row in own.nlargest(MOST_IMPORTANT, "change_percent").iterrows()
    ]


def _shown(row: pd.Series, columns: tuple[str, ...], **look: Any) -> str:
    return interval(dict(zip(("value", "low", "high"), row[list(columns)], strict=True)), **look)


def judged(folder: Path) -> list[tuple[Spoken, list[dict[str, str]]]]:
    """Every claim of which all is measured, judged as in the pipeline, and its checks."""
    claims = [claim for claim in load_ledger() if _measured(claim, folder)]
    base = profiles.base()
    found = [Spoken(c, base, v) for c, v in zip(claims, judge(claims, folder, base), strict=True)]
    return [(each, check_table([each]).to_dict("records")) for each in found]


def _measured(claim: Claim, folder: Path) -> bool:
    places = [check.evidence for check in claim.checks]
    found = [(read_evidence(folder / place.file), place.key) for place in places]
    return all(each and MODEL in each.measurements.get(key, {}) for each, key in found)


def _pictures(settings: Params, ablated: pd.DataFrame, agreed: pd.DataFrame) -> list[Picture]:
    base = paths.ROOT / "results" / profiles.base() / "anatomy"
    behind = read_table(base / "ablation.csv")
    of = read_json(base / "ablation.json")["about"]["model"]
    shown = Shown(settings, Published(load_ledger()))
    structure = shown.table("anatomy/structure")
    drawn: dict[str, tuple[str, Callable[[], Figure]]] = {
        "Which layers matter": (
            "Each layer's weights are replaced by the mean of its neighbours' (paper A), and "
            "perplexity is measured. A null is the same model with random weights, or with its "
            "layers shuffled.",
            lambda: drawing.ablation(ablated, behind, of),
        ),
        "One layer left out or swapped": (
            "The share of tokens at which the model still holds the same token most likely.",
            lambda: drawing.single_layers(agreed),
        ),
        "Many layers skipped, repeated, reordered, run in parallel": (
            "Paper C's six variants of the M middle layers, by the same measure.",
            lambda: drawing.variants(agreed),
        ),
        "How alike the hidden states are": (
            "Similarity of the states at every two depths, by five measures (paper C).",
            lambda: painters_similarity(shown),
        ),
        "The first token": (
            "Its norm and that of the others: a first token far above them is an attention sink.",
            lambda: painters_token_norms(shown),
        ),
        "What each layer looks like": (
            "Without any ablation: from the weights, and from the residual stream.",
            lambda: drawing.structure(structure),
        ),
    }
    made = []
    for title, (says, draw) in drawn.items():
        figure = draw()
        made.append(Picture(title, says, pictures.drawing(figure, says, f"part-{len(made)}")))
        plt.close(figure)
    return made
