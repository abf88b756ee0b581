"""A stage of the smoke profile, written below a folder: alone or as processes of torchrun.

python tests/ranks_worker.py FOLDER UNIT STAGE    # where the second process dies; 0: nowhere
"""

import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

from strata import paths, pipeline, ranks, stage
from strata.params import Params
from strata.work import Work

FOLDER, UNIT, STAGE = sys.argv[1:]
finished: list[str] = []


def finish(self: Work, unit: str, result: Any, kept: Any = Work.finish) -> None:
    finished.append(unit)
    if ranks.RANK == 1 and len(finished) == int(UNIT):
        os.kill(os.getpid(), signal.SIGKILL)
    kept(self, unit, result)


def run(settings: Params) -> None:
    runpy.run_path(str(pipeline.script(STAGE)))["run"](settings)
    print(f"process {ranks.RANK} of {ranks.SIZE}: {len(finished)} units", flush=True)


if __name__ == "__main__":
    sys.argv = ["00_ranks", "--params", str(paths.RESULTS / "smoke" / "params.yaml")]
    paths.RESULTS, paths.WORK = Path(FOLDER) / "results", Path(FOLDER) / "work"
    Work.finish = finish
    stage.main(__doc__, run, shared=True)
