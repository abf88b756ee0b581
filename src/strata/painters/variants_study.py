"""Paper C's variants as a study: resumable scores of every item on the model and its nulls."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from lm_eval.api.task import ConfigurableTask

from strata.models import LoadedModel
from strata.painters import variants
from strata.painters.harness import SweepLM, per_item
from strata.painters.params import VariantParams
from strata.params import Params
from strata.tasks import describe
from strata.work import Work

ITEMS_AT_ONCE = 32  # at study, an interrupted run loses at most three minutes


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
                lm = SweepLM(each, plan, section.batch_size, section.memory_gib, section.bos)
                table = per_item({name: task}, lm, [case.name for case in made], documents)
                work.finish(unit, table.to_dict("list"))
            found.append(pd.DataFrame(work.result(unit)))
    return pd.concat(found, ignore_index=True)


def arithmetic_noise(
    exact: LoadedModel,
    items: pd.DataFrame,
    measure: Callable[..., pd.DataFrame],
    section: VariantParams,
) -> dict[str, Any]:
    """What the experiment's dtype changes in the answers of the model, which is `exact` in fp32."""
    few = dict.fromkeys(items["task"].unique(), section.noise_items)
    return variants.noise(items, measure("float32", exact, few))


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
