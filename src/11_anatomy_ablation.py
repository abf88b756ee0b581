"""Ablate every layer of the model in turn: which ones matter, and is any of them in the way?

Claims    A-BASE, A-CORE, A-ANTI, A-RANGE (paper A, per-layer ablation)
Inputs    the model of 00_models.py, the evaluation text
Outputs   results/<profile>/anatomy/ablation.json               what the ledger judges
          results/<profile>/anatomy/ablation.csv                a row a subject, reading and layer
          results/<profile>/anatomy/ablation_small_draws.csv    the same on ten sentences at a time
          results/<profile>/anatomy/ablation_nll.csv            every passage under every ablation
Cost      laptop: about 8 minutes on 2 cores, 2 GiB

    python src/11_anatomy_ablation.py
"""

import sys

import pandas as pd

from strata import nulls, params, paths, records
from strata.anatomy import ablation
from strata.models import LoadedModel, ModelError, load
from strata.params import Params
from strata.text import TextError, batches, read_passages

MODEL = "model"


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    loaded = load("smollm2", settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "anatomy_ablation.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.anatomy_ablation
    folder = paths.results(settings.profile) / "anatomy"
    passages = read_passages(settings.evaluation_text)
    subjects = {
        MODEL: loaded.model,
        nulls.RANDOM: nulls.random_initialisation(loaded.model, section.seed),
        nulls.SHUFFLED: nulls.shuffled_layers(loaded.model, section.seed),
    }
    layers, draws, raw, judged = [], [], [], {}
    for subject, model in subjects.items():
        for reading in ablation.READINGS:
            limit = len(passages) if reading == "neighbour_average" else section.skip_passages
            limit = limit if subject == MODEL else section.null_passages
            result = ablation.ablate(
                model,
                batches(
                    passages[:limit],
                    loaded.tokenizer,
                    section.batch_size,
                    settings.evaluation_text.max_tokens,
                ),
                reading,
                subject,
            )
            changes = ablation.bootstrap_changes(result, section.resamples, section.seed)
            small = ablation.small_sample_changes(
                result, section.draw_size, section.draws, section.seed
            )
            layers.append(_labelled(ablation.layer_table(result, changes), subject, reading))
            draws.append(_labelled(ablation.small_sample_table(small), subject, reading))
            raw.append(_labelled(ablation.passage_table(result), subject, reading))
            for key, estimate in ablation.measurements(
                result, changes, small, section.seed
            ).items():
                judged.setdefault(f"{reading}.{key}", {})[subject] = estimate
    records.write_csv(folder / "ablation.csv", pd.concat(layers))
    records.write_csv(folder / "ablation_small_draws.csv", pd.concat(draws))
    records.write_csv(folder / "ablation_nll.csv", pd.concat(raw))
    records.write_measurements(
        folder / "ablation.json", _about(settings, loaded, len(passages)), judged
    )


def _labelled(table: pd.DataFrame, subject: str, reading: str) -> pd.DataFrame:
    table.insert(0, "subject", subject)
    table.insert(1, "reading", reading)
    return table


def _about(settings: Params, loaded: LoadedModel, passages: int) -> dict[str, object]:
    section = settings.anatomy_ablation
    return {
        "model": loaded.provenance["name"],
        "dtype": loaded.provenance["dtype"],
        "text": settings.evaluation_text.source,
        "max_tokens": settings.evaluation_text.max_tokens,
        "metric": "perplexity: exp(nats per token over all passages); change in percent",
        "bos": "none; a passage's first token is not scored",
        "passages": {
            "neighbour_average": passages,
            "skip": min(passages, section.skip_passages),
            "nulls": min(passages, section.null_passages),
        },
        "interval": f"95% BCa bootstrap over passages, {section.resamples} resamples, paired",
        "seed": section.seed,
    }


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TextError) as error:
        sys.exit(f"11_anatomy_ablation.py: {error}")
