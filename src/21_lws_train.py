"""Train the seven variants with the correct reader, some with the published one, and controls.

Claims    B-LOSS, B-PPL, B-EQ12, B-BEAT18, B-ZERO, B-HALF, B-NORM and others (paper B, Table 3)
Inputs    the tokens of 01_corpus.py
Outputs   results/<profile>/lws/runs/*.json    one file a run, written as it ends
          data/runs/<profile>/ (not in git)    the trained models; while it goes on, checkpoints
                                               and DVCLive curves
Cost      laptop: 4 to 10 minutes on 2 cores; other profiles: --dry-run

    python src/21_lws_train.py
    python src/21_lws_train.py --profile paper --dry-run
    torchrun --nproc-per-node=4 src/21_lws_train.py --profile paper
"""

import argparse
import sys

import torch

from strata import params, paths, records
from strata.lws.scaling import ShapeError
from strata.lws.schedule import RunError, price, run_all
from strata.text import TextError, corpus_folder, open_corpus
from strata.training import TrainingError


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--dry-run", action="store_true", help="print FLOPs, hours and cost only")
    parser.add_argument("--minutes", type=float, help="start no run after this many minutes")
    parser.add_argument("--groups", nargs="+", help="only these groups of runs")
    options, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    settings = params.from_command_line(f"{__doc__}\n{parser.format_usage()}")
    if options.dry_run:
        print(price(settings))
        return
    folder = paths.results(settings.profile)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with records.provenance(folder / "provenance" / "lws_train.json", device=device):
        corpus = open_corpus(settings.corpus, corpus_folder(settings.profile))
        run_all(settings, corpus, options.minutes, options.groups)


if __name__ == "__main__":
    try:
        main()
    except (TextError, TrainingError, RunError, ShapeError) as error:
        sys.exit(f"21_lws_train.py: {error}")
