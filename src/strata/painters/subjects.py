"""What every experiment of paper C is run on: the model, then its nulls, one at a time."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from lm_eval.api.task import ConfigurableTask

from strata import nulls
from strata.models import LoadedModel
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
    """The model, then each null, made when its turn comes, in the dtype of the experiment."""
    for name, model in nulls.subjects(loaded.model, params.seed):
        yield name, in_dtype(replace(loaded, model=model), params.dtype)


def arithmetic(dtype: str, device: torch.device) -> str:
    """`float32` or `bfloat16`: what `auto` means on a device."""
    if dtype != "auto":
        return dtype
    cpu = torch.cpu.get_capabilities()
    fast = device.type == "cuda" or cpu.get("amx_bf16") or cpu.get("avx512_bf16")
    return "bfloat16" if fast else "float32"


def in_dtype(loaded: LoadedModel, dtype: str) -> LoadedModel:
    """The same model in another dtype of `Measured`; the one given keeps its own."""
    wanted = getattr(torch, arithmetic(dtype, loaded.model.device))
    if loaded.model.dtype == wanted:
        return loaded
    return replace(loaded, model=copy.deepcopy(loaded.model).to(wanted))


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
        "dtype": arithmetic(params.dtype, loaded.model.device),
        "tasks": {name: describe(name, task, settings.benchmarks) for name, task in tasks.items()},
        "judge": f"lm-evaluation-harness, its own tasks; {BOS[params.bos]}; no chat template",
        "interval": f"95% percentile bootstrap over items, {params.resamples} resamples, paired",
        "seed": params.seed,
    }
