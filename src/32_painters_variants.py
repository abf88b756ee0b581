"""Run every variant over the number of affected layers on every task: how gracefully does it go?

Claims    C-SKIP, C-REPEAT, C-REVERSE, C-RANDOM, C-PARALLEL, C-LOOPED, C-WORST, C-TASKS, C-LLAMA
          (paper C, Figs 4 to 9 and 11, section 3.6, and a released number)
Inputs    the model `painters_model`, the benchmarks
Outputs   results/<profile>/painters/variants.json          what the ledger judges
          results/<profile>/painters/variants.csv           normalised median: subject, variant, M
          results/<profile>/painters/variants_tasks.csv     accuracy of the model by task
          results/<profile>/painters/variants_items.csv     every item of the model
          results/<profile>/painters/released.json          the released number, on its own model
Cost      laptop: about two minutes on 2 cores with bfloat16 in hardware, else four; 2 GiB;
          an interrupted run goes on where it stopped, 250 items at a time; --dry-run prices a
          profile

    python src/32_painters_variants.py
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
from lm_eval.api.task import ConfigurableTask

from strata import params, paths, records
from strata.models import LoadedModel, ModelError, blocks, load
from strata.nulls import MODEL
from strata.painters import variants
from strata.painters.cost import Cost, dry_run
from strata.painters.harness import SweepLM, per_item
from strata.painters.params import VariantParams
from strata.painters.scores import left_out
from strata.painters.subjects import (
    arithmetic,
    conditions,
    in_dtype,
    likelihood_tasks,
    subjects,
)
from strata.params import Params, ParamsError
from strata.schedules import ScheduleError
from strata.tasks import TaskError, describe
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
    loaded = load("painters_model", settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "painters_variants.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.painters_variants
    made = variants.cases(len(blocks(loaded.model)), section)
    tasks = likelihood_tasks(settings)
    work = Work("painters_variants", facts(settings, loaded, tasks))
    measure = partial(item_scores, work, tasks, made, section)
    asked = {task: section.count(task) for task in tasks}
    null_asked = dict.fromkeys(tasks, section.null_items)
    items = {
        subject: measure(subject, each, asked if subject == MODEL else null_asked)
        for subject, each in subjects(loaded, section)
    }
    noise = arithmetic_noise(loaded, items[MODEL], measure, section)
    write(settings, loaded, tasks, made, items, noise)
    work.clear()


def item_scores(
    work: Work,
    tasks: dict[str, ConfigurableTask],
    made: list[variants.Case],
    section: VariantParams,
    subject: str,
    each: LoadedModel,
    counts: dict[str, int],
) -> pd.DataFrame:
    """Scores of the first items of every task under every schedule; parts measured before are read.

    Args:
        counts: how many items of each task.

    Returns:
        As `per_item` of `strata.painters.harness`.
    """
    found = []
    for name, task in tasks.items():
        for documents in parts(min(counts[name], len(task.eval_docs))):
            unit = f"{subject}-{name}-{documents.start}-{documents.stop}"
            if work.result(unit) is None:
                plan = [case.schedule for case in made]
                lm = SweepLM(each, plan, section.batch_size, section.memory_gib)
                table = per_item({name: task}, lm, [case.name for case in made], documents)
                work.finish(unit, table.to_dict("list"))
            found.append(pd.DataFrame(work.result(unit)))
    return pd.concat(found, ignore_index=True)


def arithmetic_noise(
    loaded: LoadedModel,
    items: pd.DataFrame,
    measure: Callable[..., pd.DataFrame],
    section: VariantParams,
) -> dict[str, Any] | None:
    """What the experiment's dtype changes in the model's answers; None if it is float32."""
    if arithmetic(section.dtype, loaded.model.device) == "float32":
        return None
    few = dict.fromkeys(items["task"].unique(), section.noise_items)
    exact = measure("float32", in_dtype(loaded, "float32"), few)
    return variants.noise(items, exact)


def write(
    settings: Params,
    loaded: LoadedModel,
    tasks: dict[str, ConfigurableTask],
    made: list[variants.Case],
    items: dict[str, pd.DataFrame],
    noise: dict[str, Any] | None,
) -> None:
    """The evidence from the items of every subject."""
    section, own = settings.painters_variants, items[MODEL]
    folder = paths.results(settings.profile) / "painters"
    full = variants.full_accuracy(own, section)
    judged, medians = {key: {} for key in variants.OPTIONAL}, {}
    for subject, answered in items.items():
        reference = full if subject == MODEL else full[..., :1]
        found = variants.curves(answered, made, reference, section)
        medians[subject], by_task = variants.tables(found)
        if subject == MODEL:
            records.write_csv(folder / "variants_tasks.csv", by_task)
        for key, estimate in variants.measurements(found).items():
            judged.setdefault(key, {})[subject] = estimate
    records.write_csv(folder / "variants_items.csv", variants.wide(own, made))
    table = pd.concat(medians, names=["subject"]).reset_index("subject")
    records.write_csv(folder / "variants.csv", table)
    about = conditions(settings, loaded, section, tasks) | {
        "metric": "acc; guessing 0 and the trained full model 1; tasks left_out: it guesses there",
        "items": own.groupby("task")["item"].nunique().to_dict(),
        "null_items": section.null_items,
        "affected": section.affected,
        "random_orders": section.orders,
        "loops": section.loops,
        "full_accuracy": dict(zip(tasks, full[:, 0, 0].tolist(), strict=True)),
        "left_out": left_out(list(tasks), full),
        "arithmetic_noise": noise,
    }
    records.write_measurements(folder / "variants.json", about, judged)
    released = variants.released(own, loaded.provenance, section)
    records.write_measurements(folder / "released.json", about, released)


def parts(count: int) -> list[range]:
    """Items that are measured, and kept if the run is interrupted, together."""
    return [range(i, min(i + ITEMS_AT_ONCE, count)) for i in range(0, count, ITEMS_AT_ONCE)]


def facts(
    settings: Params, loaded: LoadedModel, tasks: dict[str, ConfigurableTask]
) -> dict[str, Any]:
    """What an item's scores depend on; how many are measured is not among it."""
    counts = {"items", "null_items", "noise_items", "resamples"}
    return {
        "params": settings.painters_variants.model_dump(mode="json", exclude=counts),
        "tasks": {name: describe(name, task, settings.benchmarks) for name, task in tasks.items()},
        "model": loaded.provenance,
        "device": loaded.model.device.type,
    }


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TaskError, ScheduleError, ParamsError) as error:
        sys.exit(f"32_painters_variants.py: {error}")
