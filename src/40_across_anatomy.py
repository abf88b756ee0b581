"""Papers A and C on paper B's trained models: what do layers do where capacity is given by depth?

Claims    none of the papers'; the measurements that 41_across_papers.py joins
Inputs    the trained models and results/<profile>/lws/runs/ of 21_lws_train.py, the tokens of
          01_corpus.py
Outputs   results/<profile>/across/lws_layers.csv       a row a model and layer: size, statistics
          results/<profile>/across/lws_nll.csv          every document with each layer left out
          results/<profile>/across/lws_schedules.csv    every document under swaps and variants
Cost      laptop: about 5 minutes on 2 cores, 1 GiB

    python src/40_across_anatomy.py
"""

import sys

import pandas as pd
import torch
from tqdm import tqdm

from strata import params, paths, records
from strata.across import lws_models
from strata.lws import readers
from strata.lws.resampling import load_results, main_results
from strata.lws.runs import models
from strata.params import Params
from strata.text import TextError, corpus_folder, open_corpus
from strata.training import TrainingError


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with records.provenance(folder / "provenance" / "across_anatomy.json", device=device):
        run(settings)


def run(settings: Params) -> None:
    section, training = settings.across_anatomy, settings.lws_train
    folder = paths.results(settings.profile)
    corpus = open_corpus(settings.corpus, corpus_folder(settings.profile))
    documents = readers.validation(
        "correct",
        corpus.validation,
        training.validation_documents,
        training.loop.sequence_length,
    )
    batches = lws_models.token_batches(documents, section.batch_size)
    plan = settings.painters_variants.model_copy(update={"affected": section.affected})
    results = main_results(load_results(folder / "lws" / "runs", training), training)
    correct = [result for result in results if result["reader"] == "correct"]
    subjects = lws_models.subjects(tqdm(correct, "runs"), models(paths.runs(settings.profile)))
    found = [lws_models.measure(subject, model, batches, plan) for subject, model in subjects]
    for name, tables in zip(("layers", "nll", "schedules"), zip(*found, strict=True), strict=True):
        table = pd.concat(tables, ignore_index=True)
        keys = list(lws_models.Subject._fields)
        records.write_csv(
            folder / "across" / f"lws_{name}.csv", table[[*keys, *table.columns.drop(keys)]]
        )


if __name__ == "__main__":
    try:
        main()
    except (TextError, TrainingError) as error:
        sys.exit(f"40_across_anatomy.py: {error}")
