"""What the three papers say together: four questions, each answered beside a null.

Claims    none of the papers'. Does importance (A) say which layers the variants (C) may touch? Do
          the shapes (B) match it, and what is the anatomy of models grown in them? Are the three
          classes (C) core and redundant layers (A)? Which statistic predicts importance elsewhere?
Inputs    ablation_nll.csv, structure.csv; single_layer_items.csv, similarity.csv; the measurements
          of 40_across_anatomy.py
Outputs   results/<profile>/across/answers.json      every measurement with its nulls
          results/<profile>/across/answers.csv       a row a measurement and null, and the finding
          results/<profile>/across/touch.csv         a row a layer: importance and accuracy lost
          results/<profile>/across/profiles.csv      a row a model and layer: size and importance
          results/<profile>/across/structure.csv     a row a model and statistic
          results/<profile>/across/classes.csv       a row a measure and layer: its class
          results/<profile>/across/predictors.csv    a row a model: score of every statistic
Cost      laptop: under a minute
"""

from pathlib import Path
from typing import Any

import pandas as pd

from strata import paths, stage
from strata.across import answers, classes, predictors, runs, shapes, touch
from strata.errors import StrataError
from strata.evidence import MODEL, RANDOM, Evidence
from strata.params import Params
from strata.results import read_json, read_table


class AcrossError(StrataError):
    """Evidence of two papers that cannot be joined."""


def run(settings: Params) -> None:
    section = settings.across_papers
    folder = paths.results(settings.profile)
    evidence = Evidence("across", settings.profile)
    about = conditions(settings, folder)
    passages = read_table(
        folder / "anatomy" / "ablation_nll.csv", "nll*", "tokens", text=("subject", "reading")
    )
    items = read_table(folder / "painters" / "single_layer_items.csv", "full", "skip.*", "swap.*")
    important, harmed = touch.importance(passages, section), touch.harm(items, section)
    similarity = read_table(folder / "painters" / "similarity.csv", "similarity", "state", "other")
    structure = read_table(folder / "anatomy" / "structure.csv", "layer", text=("subject",))
    check_depths(passages, items, similarity, structure)
    lws = runs.read(folder / "across", section)
    skipped = {subject: each for (subject, reading), each in important.items() if reading == "skip"}
    looks, alike = shapes.structure(lws, section)
    segments, coincide = classes.measurements(
        similarity, important, settings.anatomy_manipulation.redundant
    )
    models = {
        subject: {"smollm2": predictors.smollm2_layers(structure, important, subject)}
        | predictors.lws_layers(lws, subject)
        for subject in (MODEL, RANDOM)
    }
    scores, predicted = predictors.measurements(models[MODEL], models[RANDOM], section)
    measured = {
        **touch.measurements(important, harmed, section),
        **touch.lws_measurements(lws, section),
        **shapes.matches(lws, skipped, section),
        **shapes.agreements(lws),
        **shapes.differences(lws),
        **shapes.first_layer(lws),
        **alike,
        **coincide,
        **predicted,
    }
    tables = {
        "answers": answers.answers(measured),
        "touch": touch.table(important, harmed),
        "profiles": shapes.profiles(lws),
        "structure": looks,
        "classes": segments,
        "predictors": scores,
    }
    for name, table in tables.items():
        evidence.rows(name, table)
    evidence.add(measured)
    evidence.write("answers", about)


def check_depths(
    passages: pd.DataFrame, items: pd.DataFrame, similarity: pd.DataFrame, structure: pd.DataFrame
) -> None:
    """Check that all tables are of models of one depth.

    Raises:
        AcrossError: they are not.
    """
    depths = {
        "anatomy/ablation_nll.csv": passages.columns.str.startswith("nll_L").sum(),
        "painters/single_layer_items.csv": items.columns.str.startswith("skip.").sum(),
        "painters/similarity.csv": similarity["state"].max(),
        "anatomy/structure.csv": structure["layer"].max() + 1,
    }
    if len(set(depths.values())) > 1:
        found = ", ".join(f"{depth} in {file}" for file, depth in depths.items())
        raise AcrossError(f"expected models of one depth, found {found} layers; run their stages")


def conditions(settings: Params, folder: Path) -> dict[str, Any]:
    """What every answer rests on.

    Raises:
        AcrossError: papers A and C were run on different models.
    """
    ours, theirs = (
        read_json(folder / file)["about"]
        for file in ("anatomy/ablation.json", "painters/single_layer.json")
    )
    if ours["model"] != theirs["model"]:
        raise AcrossError(
            f"paper A's evidence is about {ours['model']}, paper C's about {theirs['model']}; set "
            f"anatomy_model and painters_model to the same model and run both again"
        )
    section, training = settings.across_papers, settings.lws_train
    first = training.groups[0]
    return {
        "model": ours["model"],
        "dtype": {"importance": ours["dtype"], "items": theirs["dtype"]},
        "text": ours["text"],
        "bos": ours["bos"],
        "importance": "nats per token lost by ablating a layer",
        "passages": ours["passages"],
        "items": theirs["items"],
        "documents": training.validation_documents,
        "lws_models": f"{first.steps} steps of {training.loop.batch_tokens} positions, "
        f"{first.d_model} channels",
        "interval": f"95% percentile bootstrap over passages, items and documents, "
        f"{section.resamples} resamples; predictors: t interval over models",
        "permutations": section.permutations,
        "seed": section.seed,
    }


if __name__ == "__main__":
    stage.main(__doc__, run)
