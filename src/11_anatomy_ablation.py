"""Ablate every layer of the model in turn: which ones matter, and is any of them in the way?

Claims    A-BASE, A-CORE, A-ANTI, A-RANGE (paper A, per-layer ablation)
Inputs    the model of 00_models.py, the evaluation text
Outputs   results/<profile>/anatomy/ablation.json               what the ledger judges
          results/<profile>/anatomy/ablation.csv                a row a subject, reading and layer
          results/<profile>/anatomy/ablation_small_draws.csv    the same on ten sentences at a time
          results/<profile>/anatomy/ablation_nll.csv            every passage under every ablation
Cost      laptop: 7 to 16 minutes on 2 cores, 2 GiB
"""

from strata import nulls, stage
from strata.anatomy import ablation, subjects
from strata.evidence import MODEL, Evidence
from strata.params import Params
from strata.text import read_passages


def run(settings: Params) -> None:
    section = settings.anatomy_ablation
    evidence = Evidence("anatomy", settings.profile)
    available = len(read_passages(settings))
    counts = {
        "neighbour_average": available,
        "skip": min(available, section.skip_passages),
        "nulls": min(available, section.null_passages),
    }
    for subject, model in nulls.subjects(subjects.loaded(settings).model, section.seed):
        for reading in ablation.READINGS:
            count = counts[reading if subject == MODEL else "nulls"]
            tokens = subjects.token_batches(settings, count, section.batch_size)
            swept = ablation.ablate(model, tokens, reading, subject)
            tables, found = ablation.analyse(swept, section)
            evidence.measured(subject, {f"{reading}.{key}": each for key, each in found.items()})
            for name, table in tables.items():
                evidence.rows(name, table, subject=subject, reading=reading)
    about = subjects.conditions(settings) | {
        "max_tokens": settings.evaluation_text.max_tokens,
        "metric": "perplexity: exp(nats per token over all passages); change in percent",
        "passages": counts,
        "interval": f"95% bootstrap over blocks of passages, {section.resamples} resamples, paired",
        "small_draws": f"{section.draws} draws of {section.draw_size} passages",
        "seed": section.seed,
    }
    evidence.write("ablation", about)


if __name__ == "__main__":
    stage.main(__doc__, run)
