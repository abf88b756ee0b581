"""Train the seven variants with the correct reader, some with the published one, and controls.

Claims    B-LOSS, B-PPL, B-EQ12, B-BEAT18, B-ZERO, B-HALF, B-NORM and others (paper B, Table 3)
Inputs    the tokens of 01_corpus.py
Outputs   results/<profile>/lws/runs/*.json    one file a run, written as it ends
          data/runs/<profile>/ (not in git)    the trained models
          data/work/lws_train/ (not in git)    unfinished runs: checkpoints, DVCLive curves
Cost      laptop: 4 to 10 minutes on 2 cores; other profiles: --dry-run

    python src/21_lws_train.py
    python src/21_lws_train.py --profile paper --dry-run
    torchrun --nproc-per-node=4 src/21_lws_train.py --profile paper
"""

import argparse

from strata import stage
from strata.lws import queue
from strata.params import Params


def run(settings: Params, minutes: float | None, groups: list[str] | None) -> None:
    queue.run_all(settings, minutes, groups)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, help="start no run after this many minutes")
    parser.add_argument("--groups", nargs="+", help="only these groups of runs")


if __name__ == "__main__":
    stage.main(__doc__, run, price=queue.price, extend=options)
