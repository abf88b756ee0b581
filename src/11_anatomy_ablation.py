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

from strata import nulls, stage
from strata.anatomy import ablation
from strata.evidence import MODEL, Evidence
from strata.models import LoadedModel, load
from strata.params import Params
from strata.text import batches, read_passages


def run(settings: Params) -> None:
    section = settings.anatomy_ablation
    evidence = Evidence("anatomy", settings.profile)
    loaded = load("anatomy_model", settings)
    passages = read_passages(settings)
    counts = passage_counts(settings, len(passages))
    for subject, model in nulls.subjects(loaded.model, section.seed):
        for reading in ablation.READINGS:
            tokens = batches(
                passages[: counts["nulls" if subject != MODEL else reading]],
                loaded.tokenizer,
                section.batch_size,
                settings.evaluation_text.max_tokens,
            )
            swept = ablation.ablate(model, tokens, reading, subject)
            found = ablation.analyse(swept, section)
            named = {f"{reading}.{key}": each for key, each in found.measurements.items()}
            evidence.measured(subject, named)
            for name, table in (
                ("ablation", found.layers),
                ("ablation_small_draws", found.small_draws),
                ("ablation_nll", found.passages),
            ):
                evidence.rows(name, table, subject=subject, reading=reading)
    evidence.write("ablation", conditions(settings, loaded, counts))


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
        "interval": f"95% bootstrap over blocks of passages, {section.resamples} resamples, paired",
        "small_draws": f"{section.draws} draws of {section.draw_size} passages",
        "seed": section.seed,
    }


if __name__ == "__main__":
    stage.main(__doc__, run)
