"""Papers A and C on paper B's trained models: what do layers do where capacity is given by depth?

Claims    none of the papers'; the measurements that 41_across_papers.py joins
Inputs    the trained models and results/<profile>/lws/runs/ of 21_lws_train.py, the tokens of
          01_corpus.py
Outputs   results/<profile>/across/lws_layers.csv       a row a model and layer: size, statistics
          results/<profile>/across/lws_nll.csv          every document with each layer left out
          results/<profile>/across/lws_schedules.csv    every document under swaps and variants
Cost      laptop: about 5 minutes on 2 cores, 1 GiB
"""

from tqdm import tqdm

from strata import paths, stage
from strata.across import lws_models
from strata.evidence import Evidence
from strata.lws import readers
from strata.lws.resampling import load_results, main_results
from strata.lws.runs import models
from strata.params import Params
from strata.text import corpus_folder, open_corpus


def run(settings: Params) -> None:
    section, training = settings.across_anatomy, settings.lws_train
    evidence = Evidence("across", settings.profile)
    corpus = open_corpus(settings.corpus, corpus_folder(settings.profile))
    documents = readers.validation(
        "correct", corpus.validation, training.validation_documents, training.loop.sequence_length
    )
    batches = lws_models.token_batches(documents, section.batch_size)
    plan = settings.painters_variants.model_copy(update={"affected": section.affected})
    results = main_results(
        load_results(paths.results(settings.profile) / "lws" / "runs", training), training
    )
    correct = [result for result in results if result["reader"] == "correct"]
    subjects = lws_models.subjects(tqdm(correct, "runs"), models(paths.runs(settings.profile)))
    for subject, model in subjects:
        for name, table in lws_models.measure(model, batches, plan, str(subject)).items():
            evidence.rows(f"lws_{name}", table, **subject._asdict())
    evidence.write_tables()


if __name__ == "__main__":
    stage.main(__doc__, run)
