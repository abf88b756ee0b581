"""Draw the main figures from the evidence of one profile, for `dvc plots show` and the report.

Inputs    results/<profile>/anatomy/ablation*.csv, results/<profile>/painters/*, data/claims/*.yaml
Outputs   results/<profile>/figures/*.png
Cost      seconds

    python src/91_report.py
"""

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from strata import params, paths
from strata.claims import load_ledger
from strata.claims.published import published_by_layer
from strata.figures import anatomy, painters, style

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
        **painters_figures(folder / "painters"),
    }
    for name, figure in figures.items():
        style.save(figure, folder / "figures" / f"{name}.png")


def painters_figures(folder: Path) -> dict[str, Figure]:
    """Paper C's figures by file name."""
    names = ("similarity", "token_norms", "single_layer", "variants", "variants_tasks", "loops")
    table = {name: pd.read_csv(folder / f"{name}.csv") for name in (*names, "loops_best")}
    return {
        "painters_similarity": painters.similarity(table["similarity"]),
        "painters_token_norms": painters.token_norms(table["token_norms"]),
        "painters_single_layer": painters.single_layer(table["single_layer"]),
        "painters_variants": painters.variants(table["variants"]),
        "painters_tasks": painters.tasks(table["variants_tasks"]),
        "painters_loops": painters.loops(table["loops"], table["loops_best"]),
        "painters_generation": painters.generation(pd.read_csv(folder / "generation.csv")),
    }


if __name__ == "__main__":
    main()
