"""Feed the parallel block's mean back again and again: how many passes are best, for which size?

Claims    C-LOOPS (paper C, Fig. 10)
Inputs    the model `painters_model`, the benchmarks
Outputs   results/<profile>/painters/loops.json        what the ledger judges
          results/<profile>/painters/loops.csv         normalised median: subject, M, passes
          results/<profile>/painters/loops_best.csv    the best number of passes: subject, M
Cost      laptop: about 1.5 minutes on 2 cores with bfloat16 in hardware, else four; 2 GiB;
          --dry-run says what another profile takes

    python src/33_painters_loops.py
"""

import sys

import pandas as pd

from strata import params, paths, records
from strata.models import LoadedModel, ModelError, blocks, load
from strata.nulls import MODEL
from strata.painters import loops
from strata.painters.cost import Cost, dry_run
from strata.painters.harness import SweepLM, per_item
from strata.painters.scores import left_out
from strata.painters.subjects import conditions, likelihood_tasks, subjects
from strata.params import Params
from strata.schedules import ScheduleError
from strata.tasks import TaskError


def main() -> None:
    settings, dry = params.with_dry_run(__doc__)
    section = settings.painters_loops
    if dry:
        items = dict.fromkeys(settings.benchmarks.tasks, section.items)
        dry_run(settings, lambda T: Cost(list(loops.cases(T, section).values()), items, section))
        return
    folder = paths.results(settings.profile)
    loaded = load("painters_model", settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "painters_loops.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.painters_loops
    folder = paths.results(settings.profile) / "painters"
    depth = len(blocks(loaded.model))
    made = loops.cases(depth, section)
    tasks = likelihood_tasks(settings)
    tables, bests, judged = {}, {}, {}
    for subject, each in subjects(loaded, section):
        count = section.items if subject == MODEL else section.null_items
        lm = SweepLM(each, list(made.values()), section.batch_size, section.memory_gib)
        items = per_item(tasks, lm, list(made), range(count))
        if subject == MODEL:
            own, full = items, loops.full_accuracy(items, section)
        reference = full if subject == MODEL else full[..., :1]
        tables[subject], bests[subject], found = loops.analyse(items, reference, depth, section)
        for key, estimate in found.items():
            judged.setdefault(key, {})[subject] = estimate
    for name, table in (("loops", tables), ("loops_best", bests)):
        whole = pd.concat(table, names=["subject"]).reset_index("subject")
        records.write_csv(folder / f"{name}.csv", whole)
    about = conditions(settings, loaded, section, tasks) | {
        "metric": "median over tasks of acc, guessing 0 and the trained full model 1",
        "left_out": left_out(settings.benchmarks.tasks, full),
        "items": own.groupby("task")["item"].nunique().to_dict(),
        "null_items": section.null_items,
        "affected": section.affected,
        "most_loops": section.most_loops,
    }
    records.write_measurements(folder / "loops.json", about, judged)


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TaskError, ScheduleError) as error:
        sys.exit(f"33_painters_loops.py: {error}")
