"""Tokenise the training text, and record exactly what it is.

Figure or table  none; training stages read their tokens through this one
Inputs           the installed Python's standard library, a local folder, or the hub
Outputs          data/tokens/<profile>/ (not in git), results/<profile>/corpus/corpus.json
Cost             laptop: seconds

    python src/01_corpus.py
"""

import sys

from strata import params, paths, records
from strata.text import TextError, corpus_folder, open_corpus


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    with records.provenance(folder / "provenance" / "corpus.json"):
        corpus = open_corpus(settings.corpus, corpus_folder(settings.profile))
    records.write_json(folder / "corpus" / "corpus.json", corpus.record)
    for split in (corpus.train, corpus.validation):
        print(f"{split.path.name}: {len(split):,} documents, {len(split.tokens):,} tokens")


if __name__ == "__main__":
    try:
        main()
    except TextError as error:
        sys.exit(f"01_corpus.py: {error}")
