"""What every experiment of paper C is run on: the model, then its nulls, one at a time."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from lm_eval.api.task import ConfigurableTask

from strata import nulls
from strata.models import LoadedModel, arithmetic
from strata.painters.params import Measured, Prompted
from strata.params import Params
from strata.tasks import TaskError, describe, load_task
from strata.tasks.benchmarks import LIKELIHOOD

BOS = {
    "never": "no BOS added",
    "always": "BOS always added",
    "tokenizer": "BOS added where the tokenizer does",
}


def subjects(loaded: LoadedModel, params: Measured) -> Iterator[tuple[str, LoadedModel]]:
    """The model, then each null in its turn, as `nulls.subjects`."""
    for name, model in nulls.subjects(loaded.model, params.seed):
        yield name, replace(loaded, model=model)


def in_dtype(loaded: LoadedModel, dtype: str) -> LoadedModel:
    """A copy with weights in a dtype of `Measured`, as if loaded in it; or the same if they are."""
    wanted = getattr(torch, arithmetic(dtype, loaded.model.device.type))
    if loaded.model.dtype == wanted:
        return loaded
    model = copy.deepcopy(loaded.model)
    for tensor in model.state_dict(keep_vars=True).values():
        tensor.data = tensor.data.to(wanted)
    return replace(loaded, model=model)


def likelihood_tasks(settings: Params) -> dict[str, ConfigurableTask]:
    """The benchmarks of `benchmarks.tasks`, loaded.

    Raises:
        TaskError: as `load_task`, or an answer is to be generated.
    """
    tasks = {
        name: load_task(name, settings.benchmarks, settings.local)
        for name in settings.benchmarks.tasks
    }
    for name, task in tasks.items():
        if task.OUTPUT_TYPE not in LIKELIHOOD:
            raise TaskError(f"benchmarks.tasks: {name} asks for {task.OUTPUT_TYPE}; leave it out")
    return tasks


def conditions(
    settings: Params, loaded: LoadedModel, params: Prompted, tasks: dict[str, ConfigurableTask]
) -> dict[str, Any]:
    """What every number was measured under."""
    return {
        "model": loaded.provenance["name"],
        "layers": loaded.model.config.num_hidden_layers,
        "dtype": loaded.provenance["dtype"],
        "tasks": {name: describe(name, task, settings.benchmarks) for name, task in tasks.items()},
        "judge": f"lm-evaluation-harness, its own tasks; {BOS[params.bos]}; no chat template",
        "interval": f"95% percentile bootstrap over items, {params.resamples} resamples, paired",
        "seed": params.seed,
    }
