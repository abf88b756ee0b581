"""Paper C's benchmarks as a study: resumable scores of every item on the model and its nulls."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
from lm_eval.api.task import ConfigurableTask

from strata.models import LoadedModel
from strata.painters.harness import SweepLM, per_item
from strata.painters.params import Prompted
from strata.params import Params
from strata.schedules import Schedule
from strata.tasks import describe
from strata.work import Work

ITEMS_AT_ONCE = 32  # at study, an interrupted run loses at most three minutes
Tasks = dict[str, ConfigurableTask]


def item_scores(
    work: Work,
    groups: Mapping[str, Tasks],
    plan: Mapping[str, Schedule],
    section: Prompted,
    subject: str,
    each: LoadedModel,
    counts: Mapping[str, int],
    at_once: int = ITEMS_AT_ONCE,
) -> pd.DataFrame:
    """Scores of the first items of every task under every schedule; parts measured before are read.

    Args:
        groups: tasks that are measured together; counts: how many items of each task;
        at_once: how many of each are measured, and kept if the run is interrupted, together.

    Returns:
        As `per_item` of `strata.painters.harness`, with the metrics that a group's tasks share.
    """
    units = {}
    for group, tasks in groups.items():
        most = max(min(counts[name], len(task.eval_docs)) for name, task in tasks.items())
        for documents in (range(i, min(i + at_once, most)) for i in range(0, most, at_once)):
            unit = f"{subject}-{group}-{documents.start}-{documents.stop}"
            units[unit] = partial(_scores, each, tasks, plan, section, documents)
    return pd.concat(map(pd.DataFrame, work.every(units, subject)), ignore_index=True)


def _scores(
    each: LoadedModel,
    tasks: Tasks,
    plan: Mapping[str, Schedule],
    section: Prompted,
    documents: range,
) -> dict[str, list[Any]]:
    there = {name: task for name, task in tasks.items() if documents.start < len(task.eval_docs)}
    lm = SweepLM(each, list(plan.values()), section.batch_size, section.memory_gib, section.bos)
    return per_item(there, lm, list(plan), documents).dropna(axis="columns").to_dict("list")


def facts(settings: Params, section: Prompted, loaded: LoadedModel, tasks: Tasks) -> dict[str, Any]:
    """What an item's scores depend on; how many are measured is not among it."""
    counts = {"items", "null_items", "noise_items", "resamples"}
    return {
        "params": section.model_dump(mode="json", exclude=counts),
        "tasks": {name: describe(name, task, settings.benchmarks) for name, task in tasks.items()},
        "model": loaded.provenance,
        "device": loaded.model.device.type,
    }
