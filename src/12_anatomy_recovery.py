"""Disturb one layer with noise, train it alone, count the steps until it works again.

Claims    A-REC (paper A, recovery)
Inputs    the model of 00_models.py, the evaluation text, paragraphs to train on, ablation.csv
Outputs   results/<profile>/anatomy/recovery.json          what the ledger judges
          results/<profile>/anatomy/recovery.csv           a row a subject, text, layer and seed
          results/<profile>/anatomy/recovery_curves.csv    perplexity at each checked step
Cost      laptop: about three minutes on 2 cores; an interrupted run goes on where it stopped;
          --judged-only takes seconds: for changed statistics of unchanged runs
"""

import argparse
from typing import Any

import pandas as pd

from strata import stage
from strata.anatomy import recovery_study as study
from strata.anatomy import subjects
from strata.anatomy.importance import existing, importance
from strata.evidence import Evidence
from strata.models import blocks
from strata.params import Params
from strata.results import read_table
from strata.work import Work


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--judged-only", action="store_true", help="compute recovery.json from recovery.csv"
    )


def run(settings: Params, judged_only: bool) -> None:
    section = settings.anatomy_recovery
    evidence = Evidence("anatomy", settings.profile)
    loaded = subjects.loaded(settings)
    depth = len(blocks(loaded.model))
    layers = section.layers or tuple(range(depth))
    existing("anatomy_recovery.layers", layers, depth)
    costs = importance(evidence, depth)
    if not judged_only:
        measure(settings, layers, loaded.provenance)
    table = read_table(evidence.folder / "recovery.csv", "layer", "steps")
    evidence.add(study.measurements(table, costs, section.resamples))
    evidence.write("recovery", conditions(settings))


def measure(settings: Params, layers: tuple[int, ...], model: dict[str, Any]) -> None:
    """Disturb and train every layer, and write the tables."""
    section = settings.anatomy_recovery
    evidence = Evidence("anatomy", settings.profile)
    facts = {"params": section.model_dump(mode="json"), "model": model}
    work = Work("anatomy_recovery", facts | {"texts": study.texts(settings)})
    places = study.places(layers, section.seeds)
    found = study.recover_all(settings, work, places)
    rows = []
    for place, (row, curve) in zip(places, found, strict=True):
        points = pd.DataFrame({"step": curve.steps, "perplexity": curve.perplexities})
        rows.append(place._asdict() | row)
        evidence.rows("recovery_curves", points.assign(**place._asdict()))
    evidence.rows("recovery", pd.DataFrame(rows))
    evidence.write_tables()
    work.clear()


def conditions(settings: Params) -> dict[str, object]:
    """What every number was measured under."""
    section = settings.anatomy_recovery
    return subjects.conditions(settings) | {
        "text": {
            "measured": settings.evaluation_text.title,
            "trained": subjects.text_name(section.train_text),
            f"trained, {study.SAME}": "the measured passages",
        },
        "noise": f"Gaussian, {section.noise} of each matrix's standard deviation, one layer",
        "training": f"AdamW {section.learning_rate}, that layer only, batches of "
        f"{section.batch_size} passages of up to {section.max_tokens} tokens",
        "metric": "perplexity: exp(nats per token over all passages)",
        "recovered": f"perplexity at most {1 + section.tolerance} times the untouched model's",
        "budget": section.checks[-1],
        "steps": f"checked at {list(section.checks)}; a layer that never recovered counts as "
        f"{section.checks[-1]}, see `recovered` in recovery.csv",
        "disturbed_change": "% of the untouched model's perplexity, before any step",
        "passages": {
            study.APART: section.measured_passages,
            study.SAME: section.same_text_passages,
        },
        "seeds": {"model": list(section.seeds), "nulls and same_text": [section.seeds[0]]},
        "interval": "95% t interval over noise seeds, of steps from after the last check above the "
        "threshold to the first below it; of one seed these two; correlation: 95% bootstrap over "
        "layers",
    }


if __name__ == "__main__":
    stage.main(__doc__, run, extend=options)
