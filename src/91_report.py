"""Draw the main figures from the evidence of one profile, for `dvc plots show` and the report.

<<<<<<< HEAD
Inputs    results/<profile>/anatomy/*.csv, data/claims/*.yaml
=======
Inputs    results/<profile>/anatomy/ablation*.csv, results/<profile>/painters/*, data/claims/*.yaml
>>>>>>> painters
Outputs   results/<profile>/figures/*.png
Cost      seconds

    python src/91_report.py
"""

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from strata import params, paths
<<<<<<< HEAD
from strata.claims import Claim, load_ledger
from strata.claims.published import published_by_layer, published_value
from strata.figures import anatomy, anatomy_training, anatomy_weights, style
from strata.params import Params
=======
from strata.claims import load_ledger
from strata.claims.published import published_by_layer
from strata.figures import anatomy, painters, style

ABLATION_KEYS = ("anatomy/ablation.json", "neighbour_average.change_L")
>>>>>>> painters


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    claims = load_ledger(paths.CLAIMS)
    matplotlib.use("agg")
    style.use_style()
<<<<<<< HEAD
    for name, figure in anatomy_figures(settings, claims, folder / "anatomy").items():
        style.save(figure, folder / "figures" / f"{name}.png")


def anatomy_figures(settings: Params, claims: list[Claim], folder: Path) -> dict[str, Figure]:
    """Name -> figure of paper A."""

    def table(name: str, rows: str = "index == index") -> pd.DataFrame:
        return pd.read_csv(folder / f"{name}.csv").query(rows)

    ablated = published_by_layer(claims, "anatomy/ablation.json", "neighbour_average.change_L")
    recovery = table("recovery", "subject == 'model'")
    redundant = table("manipulation", "subject == 'model'")
    redundant = redundant[redundant["layers"] == redundant["layers"].iloc[0]]
    return {
        "anatomy_ablation": anatomy.importance_profile(table("ablation"), ablated),
        "anatomy_small_draws": anatomy.small_draws(
            table("ablation_small_draws", "subject == 'model' and reading == 'neighbour_average'"),
            ablated,
            settings.anatomy_ablation.draw_size,
        ),
        "anatomy_predictability": anatomy_weights.predictability(
            table("weights"), published_value(claims, "r2.gate_proj.neighbour_average")
        ),
        "anatomy_deltas": anatomy_weights.delta_correlation(
            table("weights"), published_value(claims, "delta_correlation.all_matrices")
        ),
        "anatomy_predicted_layers": anatomy_weights.predicted_layers(
            table("weights_functional"),
            {9: published_value(claims, "predicted_perplexity.9_layers")},
        ),
        "anatomy_recovery": anatomy_training.recovery_curves(
            table("recovery_curves", "subject == 'model'"),
            settings.anatomy_recovery.tolerance,
            recovery.groupby("text")["untouched"].first().to_dict(),
        ),
        "anatomy_manipulation": anatomy.manipulations(
            redundant, published_value(claims, "scaled_change")
        ),
        "anatomy_importance": anatomy.importance_predictors(table("structure_importance")),
        "anatomy_growth": anatomy_training.growth_curves(table("growth")),
=======
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
>>>>>>> painters
    }


if __name__ == "__main__":
    main()
