"""Draw the main figures from the evidence of one profile, for `dvc plots show`.

Inputs    results/<profile>/{anatomy,lws,painters,across}/*.csv, results/<profile>/verdicts.json,
          data/claims/*.yaml
Outputs   results/<profile>/figures/*.png
Cost      seconds

    python src/89_figures.py
"""

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from strata import params, paths
from strata.claims import Claim, load_ledger
from strata.claims.agreement import agreement_table
from strata.claims.best import Best
from strata.claims.published import published_by_layer, published_by_name, published_value
from strata.claims.tables import read_verdicts
from strata.figures import (
    across,
    agreement,
    anatomy,
    anatomy_training,
    anatomy_weights,
    glue,
    lws,
    painters,
    style,
)
from strata.params import Params


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    claims = load_ledger(paths.CLAIMS)
    matplotlib.use("agg")
    style.use_style()
    save_all(claims_figures(settings.profile, claims, folder), folder / "figures")
    save_all(anatomy_figures(settings, claims, folder / "anatomy"), folder / "figures")
    save_all(lws_figures(claims, folder / "lws"), folder / "figures")
    save_all(painters_figures(folder / "painters"), folder / "figures")
    save_all(across_figures(folder / "across"), folder / "figures")


def save_all(figures: dict[str, Figure], folder: Path) -> None:
    """Write each figure under its name."""
    for name, figure in figures.items():
        style.save(figure, folder / f"{name}.png")


def claims_figures(profile: str, claims: list[Claim], folder: Path) -> dict[str, Figure]:
    """Every claim on one axis, as this profile judges it."""
    verdicts = read_verdicts(folder / "verdicts.json")
    judged = [Best(claim, profile, verdicts[claim.id]) for claim in claims]
    return {"claims_agreement": agreement.agreement(agreement_table(judged))}


def anatomy_figures(settings: Params, claims: list[Claim], folder: Path) -> dict[str, Figure]:
    """Name -> figure of paper A."""

    def table(name: str, rows: str = "index == index") -> pd.DataFrame:
        return pd.read_csv(folder / f"{name}.csv").query(rows)

    ablated = published_by_layer(claims, "anatomy/ablation.json", "neighbour_average.change_L")
    averaged = table("ablation", "subject == 'model' and reading == 'neighbour_average'")
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
        "anatomy_recovery_steps": anatomy_training.recovery_steps(
            recovery,
            averaged,
            published_by_layer(claims, "anatomy/recovery.json", "steps_L"),
        ),
        "anatomy_manipulation": anatomy.manipulations(
            redundant, published_value(claims, "scaled_change")
        ),
        "anatomy_importance": anatomy.importance_predictors(table("structure_importance")),
        "anatomy_growth": anatomy_training.growth_curves(table("growth")),
    }


def lws_figures(claims: list[Claim], folder: Path) -> dict[str, Figure]:
    """Paper B's figures from its evidence."""
    perplexity = published_by_name(claims, "lws/compare.json", "val_ppl.")
    changes = published_by_name(claims, "lws/compare.json", "ppl_change.")
    curves = pd.read_csv(folder / "curves.csv")
    table = pd.read_csv(folder / "compare.csv")
    return {
        "lws_depth_profile": lws.depth_profile(pd.read_csv(folder / "architecture_layers.csv")),
        "lws_validation": lws.validation_curves(curves, lws.FIGURE_4, perplexity, start=0),
        "lws_changes": lws.perplexity_changes(table, changes),
        "lws_zeros": lws.zero_losses(table),
    }


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
        "painters_glue": glue.averages(pd.read_csv(folder / "glue.csv")),
        "painters_glue_tasks": glue.tasks(pd.read_csv(folder / "glue_tasks.csv")),
    }


def across_figures(folder: Path) -> dict[str, Figure]:
    """Figures of what the papers say together, by file name."""
    answers = pd.read_csv(folder / "answers.csv")
    touch = pd.read_csv(folder / "touch.csv")
    return {
        "across_touch": across.touch(touch),
        "across_profiles": across.profiles(pd.read_csv(folder / "profiles.csv")),
        "across_classes": across.classes(pd.read_csv(folder / "classes.csv"), touch),
        "across_predictors": across.forest(
            answers[answers["question"] == "predictor"],
            "Spearman correlation with importance in held-out models",
        ),
    }


if __name__ == "__main__":
    main()
