"""Ablate every layer of the model in turn: which ones matter, and is any of them in the way?

Claims    A-BASE, A-CORE, A-ANTI, A-RANGE (paper A, per-layer ablation)
Inputs    the model of 00_models.py, the evaluation text
Outputs   results/<profile>/anatomy/ablation.json               what the ledger judges
          results/<profile>/anatomy/ablation.csv                a row a subject, reading and layer
          results/<profile>/anatomy/ablation_small_draws.csv    the same on ten sentences at a time
          results/<profile>/anatomy/ablation_nll.csv            every passage under every ablation
Cost      laptop: 7 to 16 minutes on 2 cores, 2 GiB

    python src/11_anatomy_ablation.py
"""

import sys

import pandas as pd

from strata import nulls, params, paths, records
from strata.anatomy import ablation
from strata.models import LoadedModel, ModelError, load
from strata.params import Params
from strata.text import TextError, batches, read_passages


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    loaded = load("anatomy_model", settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "anatomy_ablation.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.anatomy_ablation
    folder = paths.results(settings.profile) / "anatomy"
    passages = read_passages(settings.evaluation_text)
    counts = passage_counts(settings, len(passages))
    judged: dict[str, dict[str, records.Estimate]] = {}
    analyses = {}
    for subject, model in nulls.subjects(loaded.model, section.seed):
        for reading in ablation.READINGS:
            tokens = batches(
                passages[: counts["nulls" if subject != nulls.MODEL else reading]],
                loaded.tokenizer,
                section.batch_size,
                settings.evaluation_text.max_tokens,
            )
            swept = ablation.ablate(model, tokens, reading, subject)
            analyses[subject, reading] = ablation.analyse(swept, section)
            for key, estimate in analyses[subject, reading].measurements.items():
                judged.setdefault(f"{reading}.{key}", {})[subject] = estimate
    names = ["subject", "reading"]
    tables = {
        "ablation": {key: each.layers for key, each in analyses.items()},
        "ablation_small_draws": {key: each.small_draws for key, each in analyses.items()},
        "ablation_nll": {key: each.passages for key, each in analyses.items()},
    }
    for name, table in tables.items():
        whole = pd.concat(table, names=names).reset_index(names).reset_index(drop=True)
        records.write_csv(folder / f"{name}.csv", whole)
    about = conditions(settings, loaded, counts)
    records.write_measurements(folder / "ablation.json", about, judged)


def passage_counts(settings: Params, available: int) -> dict[str, int]:
    """How many passages each reading of the model, and each null, is measured on."""
    section = settings.anatomy_ablation
    return {
        "neighbour_average": available,
        "skip": min(available, section.skip_passages),
        "nulls": min(available, section.null_passages),
    }


def conditions(settings: Params, loaded: LoadedModel, counts: dict[str, int]) -> dict[str, object]:
    """What every number was measured under."""
    section = settings.anatomy_ablation
    return {
        "model": loaded.provenance["name"],
        "dtype": loaded.provenance["dtype"],
        "text": settings.evaluation_text.title,
        "max_tokens": settings.evaluation_text.max_tokens,
        "metric": "perplexity: exp(nats per token over all passages); change in percent",
        "bos": "none; a passage's first token is not scored",
        "passages": counts,
        "interval": f"95% BCa bootstrap over passages, {section.resamples} resamples, paired",
        "small_draws": f"{section.draws} draws of {section.draw_size} passages",
        "seed": section.seed,
    }


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TextError) as error:
        sys.exit(f"11_anatomy_ablation.py: {error}")
