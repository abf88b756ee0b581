"""Run every variant over the number of affected layers on every task: how gracefully does it go?

Claims    C-SKIP, C-REPEAT, C-REVERSE, C-RANDOM, C-PARALLEL, C-LOOPED, C-WORST, C-TASKS, C-LLAMA
          (paper C, Figs 4 to 9 and 11, section 3.6, and a released number)
Inputs    the model `painter`, the benchmarks
Outputs   results/<profile>/painters/variants.json          what the ledger judges
          results/<profile>/painters/variants.csv           normalised median: subject, variant, M
          results/<profile>/painters/variants_tasks.csv     accuracy of the model by task
          results/<profile>/painters/variants_items.csv     every item of the model
          results/<profile>/painters/released.json          the released number, on its own model
Cost      laptop: about two minutes on 2 cores with bfloat16 in hardware, else ten; 2 GiB;
          an interrupted run goes on where it stopped, 250 items at a time; --dry-run prices a
          profile

    python src/32_painters_variants.py
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from strata import params, paths, records
from strata.models import LoadedModel, ModelError, blocks, load
from strata.painters import variants
from strata.painters.cost import Cost, dry_run
from strata.painters.harness import SweepLM, per_item
from strata.painters.subjects import MODEL, conditions, in_dtype, likelihood_tasks, subjects
from strata.params import Params
from strata.schedules import ScheduleError
from strata.tasks import TaskError
from strata.work import Work

ITEMS_AT_ONCE = 250


def main() -> None:
    settings, dry = params.with_dry_run(__doc__)
    section = settings.painters_variants
    if dry:
        items = {task: section.count(task) for task in settings.benchmarks.tasks}
        dry_run(
            settings,
            lambda T: Cost([c.schedule for c in variants.cases(T, section)], items, section),
        )
        return
    folder = paths.results(settings.profile)
    loaded = load("painter", settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "painters_variants.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.painters_variants
    folder = paths.results(settings.profile) / "painters"
    made = variants.cases(len(blocks(loaded.model)), section)
    tasks = likelihood_tasks(settings)

    work = Work("painters_variants", facts(settings, loaded))

    def measure(subject: str, each: LoadedModel, count: Callable[[str], int]) -> pd.DataFrame:
        plan = [case.schedule for case in made]
        names = [case.name for case in made]
        found = []
        for name, task in tasks.items():
            for documents in parts(min(count(name), len(task.eval_docs))):
                unit = f"{subject}-{name}-{documents.start}-{documents.stop}"
                if work.result(unit) is None:
                    lm = SweepLM(each, plan, section.batch_size, section.memory_gib)
                    table = per_item({name: task}, lm, names, documents)
                    work.finish(unit, table.to_dict("list"))
                found.append(pd.DataFrame(work.result(unit)))
        return pd.concat(found, ignore_index=True)

    judged, medians = {}, {}
    for subject, each in subjects(loaded, section):
        count = section.count if subject == MODEL else lambda task: section.null_items
        items = measure(subject, each, count)
        if subject == MODEL:
            full = variants.full_accuracy(items, section)
            own = items
            if each.model.dtype == torch.float32:
                noise = None
            else:
                exact = in_dtype(loaded, "float32")
                exact_items = measure("float32", exact, lambda task: section.noise_items)
                noise = variants.noise(items, exact_items)
        found = variants.curves(items, made, full if subject == MODEL else full[..., :1], section)
        medians[subject], by_task = variants.tables(found)
        if subject == MODEL:
            records.write_csv(folder / "variants_tasks.csv", by_task)
        for key, estimate in variants.measurements(found).items():
            judged.setdefault(key, {})[subject] = estimate
    records.write_csv(folder / "variants_items.csv", variants.wide(own, made))
    table = pd.concat(medians, names=["subject"]).reset_index("subject")
    records.write_csv(folder / "variants.csv", table)
    about = conditions(settings, loaded, section) | {
        "metric": "acc; normalised so that guessing is 0 and the trained full model 1",
        "items": own.groupby("task")["item"].nunique().to_dict(),
        "null_items": section.null_items,
        "affected": section.affected,
        "random_orders": section.orders,
        "loops": section.loops,
        "full_accuracy": dict(zip(tasks, np.squeeze(full[..., 0], axis=1).tolist(), strict=True)),
        "arithmetic_noise": noise,
    }
    records.write_measurements(folder / "variants.json", about, judged)
    released = variants.released(own, loaded.provenance, section)
    records.write_measurements(folder / "released.json", about, released)
    work.clear()


def parts(count: int) -> list[range]:
    """Items that are measured, and kept if the run is interrupted, together."""
    return [range(i, min(i + ITEMS_AT_ONCE, count)) for i in range(0, count, ITEMS_AT_ONCE)]


def facts(settings: Params, loaded: LoadedModel) -> dict[str, Any]:
    """What an item's scores depend on; how many are measured is not among it."""
    counts = {"items", "null_items", "noise_items", "resamples"}
    return {
        "params": settings.painters_variants.model_dump(mode="json", exclude=counts),
        "benchmarks": settings.benchmarks.model_dump(mode="json", exclude={"tasks"}),
        "model": loaded.provenance,
        "device": loaded.model.device.type,
    }


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TaskError, ScheduleError) as error:
        sys.exit(f"32_painters_variants.py: {error}")
