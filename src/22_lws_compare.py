"""Compare the runs: losses and perplexities with intervals, the ranking, the zeros, the gains.

Claims    B-LOSS, B-PPL, B-SD, B-EQ12, B-BEAT18, B-GAIN18, B-PROFILE, B-DATA, B-ZERO, B-HALF,
          B-NORM, B-BEST, B-ISO, B-DEPTH, B-SAVED
Inputs    results/<profile>/lws/runs/ of 21_lws_train.py, the tokens of 01_corpus.py
Outputs   results/<profile>/lws/compare.json    what the ledger judges
          results/<profile>/lws/compare.csv     a row a variant and reader: Table 3
          results/<profile>/lws/curves.csv      loss against positions: Figures 4 to 7
          results/<profile>/lws/gains.csv       a row a run: did the norm gains move?
          results/<profile>/lws/rates.csv       a row a run of the sweep of the learning rate
          results/<profile>/lws/bug.csv         the dtype mismatch in ten tokens
Cost      seconds
"""

from typing import Any

from strata import stage
from strata.evidence import Evidence
from strata.lws import bug, comparison, resampling
from strata.params import Params
from strata.text import corpus_folder, open_corpus


def run(settings: Params) -> None:
    evidence = Evidence("lws", settings.profile, comparison.KEYS)
    results = resampling.load_results(evidence.folder / "runs", settings.lws_train)
    main = resampling.main_results(results, settings.lws_train)
    section = settings.lws_compare
    sampling = resampling.Resampling.of(main, section.resamples, section.seed)
    table = comparison.table(main, sampling)
    corpus = open_corpus(settings.corpus, corpus_folder(settings.profile))
    evidence.rows("compare", table)
    evidence.rows("curves", comparison.curves(main))
    evidence.rows("gains", comparison.gain_table(results))
    evidence.rows("rates", comparison.rate_table(results))
    evidence.rows("bug", bug.first_tokens(corpus))
    for subject, estimates in comparison.measured(results, main, sampling).items():
        evidence.measured(subject, estimates)
    about = conditions(settings, corpus.record) | {"seeds": comparison.seed_counts(main)}
    evidence.write("compare", about)
    print(table[["variant", "reader", "control", "seeds", "real_loss"]].to_string(index=False))


def conditions(settings: Params, corpus: dict[str, Any]) -> dict[str, Any]:
    """What every number was measured under."""
    train, first = settings.lws_train, settings.lws_train.groups[0]
    shown = {"steps", "seeds", "d_model", "learning_rate", "precision"}
    return {
        "model": f"LWS variants at d_model {first.d_model}",
        "text": corpus["source"],
        "tokens": corpus["train"]["tokens"],
        "vocabulary": corpus["train"]["vocabulary_size"],
        "positions_per_run": first.steps * train.loop.batch_tokens,
        "sequence_length": train.loop.sequence_length,
        "groups": {each.name: each.model_dump(mode="json", include=shown) for each in train.groups},
        "metric": "nats per real token; reported: mean over all positions of the wrong reader",
        "validation": f"{train.validation_documents} documents, first half of a sequence of each",
        "interval": f"95%, t over seeds and bootstrap over documents, "
        f"{settings.lws_compare.resamples} resamples, paired",
    }


if __name__ == "__main__":
    stage.main(__doc__, run)
