"""Draw the main figures from the evidence of one profile, for `dvc plots show` and the report.

Inputs    results/<profile>/anatomy/ablation*.csv, results/<profile>/lws/*.csv, data/claims/*.yaml
Outputs   results/<profile>/figures/*.png
Cost      seconds

    python src/91_report.py
"""

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from strata import params, paths
from strata.claims import Claim, load_ledger
from strata.claims.published import published_by_layer, published_by_name
from strata.figures import anatomy, lws, style

COMPARE = "lws/compare.json"
ABLATION_KEYS = ("anatomy/ablation.json", "neighbour_average.change_L")


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    published = published_by_layer(load_ledger(paths.CLAIMS), *ABLATION_KEYS)
    matplotlib.use("agg")
    style.use_style()
    layers = pd.read_csv(folder / "anatomy" / "ablation.csv")
    draws = pd.read_csv(folder / "anatomy" / "ablation_small_draws.csv")
    draws = draws.query("subject == 'model' and reading == 'neighbour_average'")
    figures = {
        "anatomy_ablation": anatomy.importance_profile(layers, published),
        "anatomy_small_draws": anatomy.small_draws(
            draws, published, settings.anatomy_ablation.draw_size
        ),
    }
    figures |= lws_figures(folder / "lws", load_ledger(paths.CLAIMS))
    for name, figure in figures.items():
        style.save(figure, folder / "figures" / f"{name}.png")


def lws_figures(folder: Path, claims: list[Claim]) -> dict[str, Figure]:
    """Paper B's figures from its evidence."""
    perplexity = published_by_name(claims, COMPARE, "val_ppl.")
    changes = published_by_name(claims, COMPARE, "ppl_change.")
    curves = pd.read_csv(folder / "curves.csv")
    table = pd.read_csv(folder / "compare.csv")
    return {
        "lws_depth_profile": lws.depth_profile(pd.read_csv(folder / "architecture_layers.csv")),
        "lws_validation": lws.validation_curves(curves, lws.FIGURE_4, perplexity, start=0),
        "lws_changes": lws.perplexity_changes(table, changes),
        "lws_zeros": lws.zero_losses(table),
    }


if __name__ == "__main__":
    main()
