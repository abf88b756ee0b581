"""Disturb one layer with noise, train it alone, count the steps until it works again.

Claims    A-REC (paper A, recovery)
Inputs    the model of 00_models.py, the evaluation text, paragraphs to train on, ablation.csv
Outputs   results/<profile>/anatomy/recovery.json          what the ledger judges
          results/<profile>/anatomy/recovery.csv           a row a subject, text, layer and seed
          results/<profile>/anatomy/recovery_curves.csv    perplexity at each checked step
Cost      laptop: about three minutes on 2 cores; an interrupted run goes on where it stopped

    python src/12_anatomy_recovery.py
"""

import sys
from pathlib import Path

import pandas as pd

from strata import params, paths, records
from strata.anatomy import recovery_study as study
from strata.anatomy import subjects
from strata.anatomy.recovery import TrainingError
from strata.models import LoadedModel, ModelError, blocks
from strata.params import Params, ParamsError
from strata.text import TextError
from strata.work import Work


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    loaded = subjects.loaded(settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "anatomy_recovery.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.anatomy_recovery
    folder = paths.results(settings.profile) / "anatomy"
    layers = chosen_layers(section.layers, len(blocks(loaded.model)))
    facts = {"params": section.model_dump(mode="json"), "model": loaded.provenance}
    work = Work("anatomy_recovery", facts | {"texts": study.texts(settings)})
    places = study.places(layers, section.seeds)
    found = study.recover_all(settings, work, places)
    rows, curves = [], []
    for place, (row, curve) in zip(places, found, strict=True):
        points = pd.DataFrame({"step": curve.steps, "perplexity": curve.perplexities})
        rows.append(place._asdict() | row)
        curves.append(points.assign(**place._asdict()))
    table = pd.DataFrame(rows)
    records.write_csv(folder / "recovery.csv", table)
    records.write_csv(folder / "recovery_curves.csv", pd.concat(curves))
    importance = pd.read_csv(folder / "ablation.csv")
    judged = study.measurements(table, importance, section.resamples)
    records.write_measurements(folder / "recovery.json", conditions(settings, loaded), judged)
    work.clear()


def chosen_layers(layers: tuple[int, ...] | None, depth: int) -> tuple[int, ...]:
    """The layers to disturb, all if none are named.

    Raises:
        ParamsError: a layer that the model does not have.
    """
    wrong = [layer for layer in layers or () if layer >= depth]
    if wrong:
        raise ParamsError(
            f"anatomy_recovery.layers: {wrong} out of range, expected 0 to {depth - 1}"
        )
    return layers or tuple(range(depth))


def conditions(settings: Params, loaded: LoadedModel) -> dict[str, object]:
    """What every number was measured under."""
    section = settings.anatomy_recovery
    return {
        "model": loaded.provenance["name"],
        "dtype": loaded.provenance["dtype"],
        "text": {
            "measured": settings.evaluation_text.title,
            "trained": Path(section.train_text).name,
            f"trained, {study.SAME}": "the measured passages",
        },
        "noise": f"Gaussian, {section.noise} of each matrix's standard deviation, one layer",
        "training": f"AdamW {section.learning_rate}, that layer only, batches of "
        f"{section.batch_size} passages of up to {section.max_tokens} tokens",
        "metric": "perplexity: exp(nats per token over all passages)",
        "bos": "none; a passage's first token is not scored",
        "recovered": f"perplexity at most {1 + section.tolerance} times the untouched model's",
        "steps": f"checked at {list(section.checks)}; a layer that never recovered counts as "
        f"{section.checks[-1]}, see `recovered` in recovery.csv",
        "disturbed_change": "% of the untouched model's perplexity, before any step",
        "passages": {
            study.APART: section.measured_passages,
            study.SAME: section.same_text_passages,
        },
        "seeds": {"model": list(section.seeds), "nulls and same_text": [section.seeds[0]]},
        "interval": "steps: from after the last check above the threshold, in the quickest seed, "
        "to the first check below it, in the slowest; disturbed_change: least to greatest over "
        "noise seeds; correlation: 95% bootstrap over layers",
    }


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TextError, ParamsError, TrainingError) as error:
        sys.exit(f"12_anatomy_recovery.py: {error}")
