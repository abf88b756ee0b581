"""Tokenise the training text, and record exactly what it is.

Figure or table  none; training stages read their tokens through this one
Inputs           the installed Python's standard library, a local folder, or the hub
Outputs          data/tokens/<profile>/ (not in git), results/<profile>/inputs/corpus.json
Cost             laptop: seconds
"""

from strata import paths, records, stage
from strata.params import Params
from strata.text import corpus_folder, open_corpus


def run(settings: Params) -> None:
    corpus = open_corpus(settings.corpus, corpus_folder(settings.profile))
    file = paths.results(settings.profile) / "inputs" / "corpus.json"
    records.write_json(file, corpus.record)
    if skipped := corpus.record.get("skipped"):
        print(f"{skipped} not regular, readable files: left out")
    for split in (corpus.train, corpus.validation):
        print(f"{split.path.name}: {len(split):,} documents, {len(split.tokens):,} tokens")


if __name__ == "__main__":
    stage.main(__doc__, run)
