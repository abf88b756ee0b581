"""Draw the main figures from the evidence of one profile, for `dvc plots show` and the report.

Inputs    results/<profile>/anatomy/ablation*.csv, data/claims/*.yaml
Outputs   results/<profile>/figures/*.png
Cost      seconds

    python src/91_report.py
"""

import matplotlib
import pandas as pd

from strata import params, paths
from strata.claims import load_ledger
from strata.claims.published import published_by_layer
from strata.figures import anatomy, style

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
    for name, figure in figures.items():
        style.save(figure, folder / "figures" / f"{name}.png")


if __name__ == "__main__":
    main()
