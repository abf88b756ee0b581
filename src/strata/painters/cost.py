"""What a stage would take, without running it: `--dry-run`."""

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from strata import paths
from strata.painters.params import Measured
from strata.params import Params
from strata.schedules import Schedule, layer_executions

BYTES = {"float32": 4, "bfloat16": 2, "auto": 2}
MEMORY = paths.RESULTS / "bench" / "memory.json"
ASSUMED_TFLOPS = 100  # sustained on one large GPU; an assumption, not a measurement
TOKENS_PER_ITEM = {
    "lambada_openai": 90,
    "arc_easy": 4 * 35,
    "arc_challenge": 4 * 40,
    "hellaswag": 4 * 95,
    "winogrande": 2 * 28,
    "gsm8k": 900 + 256,
    "evaluation_text": 96,
}  # rounded up, all choices together
OTHER_TOKENS = 400  # an item of a task that is not listed; an assumption


class Shape(NamedTuple):
    """What a model's cost depends on: depth and parameters of one layer, its name."""

    name: str
    depth: int
    layer_parameters: int


LLAMA2_7B = Shape("Llama-2-7B", 32, 202_383_360)
SMOLLM2_135M = Shape("SmolLM2-135M", 30, 3_540_096)


def cost_of(
    settings: Params,
    section: Measured,
    schedules_of: Callable[[int], list[Schedule]],
    items: Mapping[str, int],
) -> str:
    """Schedules, layer executions, memory and hours as text; nothing is loaded.

    Args:
        schedules_of: depth -> what is run; items: of each task.
    """
    source = settings.painters_model
    llama = source.source == "hub" and "Llama-2-7b" in source.hub.repository
    shape = LLAMA2_7B if llama else SMOLLM2_135M
    schedules = schedules_of(shape.depth)
    swept, single = layer_executions(schedules), sum(len(each.visits) for each in schedules)
    tokens = sum(TOKENS_PER_ITEM.get(task, OTHER_TOKENS) * count for task, count in items.items())
    size = BYTES[section.dtype]
    weights = shape.depth * shape.layer_parameters * size / 2**30
    peak = json.loads(MEMORY.read_text(encoding="utf-8"))
    hours = 2 * swept * tokens * shape.layer_parameters / (ASSUMED_TFLOPS * 1e12) / 3600
    return (
        f"profile {settings.profile}, {shape.name}, {section.dtype}\n"
        f"schedules           {len(schedules):,}\n"
        f"layer executions    {swept:,} a token in one sweep, {single:,} one by one "
        f"({single / swept:.2f} times as many)\n"
        f"items               {dict(items)}, about {tokens:,} tokens\n"
        f"memory              {peak['ratio'] * weights:.1f} GiB ({peak['ratio']:.2f} times the "
        f"layers, as measured on a {peak['model']}), and up to {section.memory_gib} GiB of waiting "
        f"hidden states\n"
        f"time                about {hours:.2f} hours for the model at an assumed "
        f"{ASSUMED_TFLOPS} TFLOP/s; the nulls come on top"
    )
