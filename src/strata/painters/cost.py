"""What a stage would take, without running it: `--dry-run`."""

from collections.abc import Callable
from typing import NamedTuple

from strata.painters.params import Measured
from strata.params import Params
from strata.schedules import Schedule, layer_executions

BYTES = {"float32": 4, "bfloat16": 2, "auto": 2}
ASSUMED_TFLOPS = 100  # sustained on one large GPU; an assumption, not a measurement
TOKENS_PER_ITEM = {
    "lambada_openai": 90,
    "arc_easy": 4 * 35,
    "arc_challenge": 4 * 40,
    "hellaswag": 4 * 95,
    "winogrande": 2 * 28,
    "gsm8k": 900 + 256,
}  # rounded up, all choices together


class Shape(NamedTuple):
    """What a model's cost depends on: depth, width and parameters of one layer, its name."""

    name: str
    depth: int
    width: int
    layer_parameters: int


LLAMA2_7B = Shape("Llama-2-7B", 32, 4096, 202_383_360)
SMOLLM2_135M = Shape("SmolLM2-135M", 30, 576, 3_540_096)


class Cost(NamedTuple):
    """Schedules, how many items of each task, and how they are measured."""

    schedules: list[Schedule]
    items: dict[str, int]
    section: Measured


def dry_run(settings: Params, cost: Callable[[int], Cost]) -> None:
    """Print schedules, layer executions, memory and hours; nothing is loaded or written."""
    hub = (
        settings.painters_model.source == "hub"
        and "Llama-2-7b" in settings.painters_model.hub.repository
    )
    shape = LLAMA2_7B if hub else SMOLLM2_135M
    found = cost(shape.depth)
    swept, single = (
        layer_executions(found.schedules),
        sum(len(schedule.visits) for schedule in found.schedules),
    )
    tokens = sum(TOKENS_PER_ITEM[task] * count for task, count in found.items.items())
    size = BYTES[found.section.dtype]
    weights = shape.depth * shape.layer_parameters * size / 2**30
    hours = 2 * swept * tokens * shape.layer_parameters / (ASSUMED_TFLOPS * 1e12) / 3600
    print(
        f"profile {settings.profile}, {shape.name}, {found.section.dtype}\n"
        f"schedules           {len(found.schedules):,}\n"
        f"layer executions    {swept:,} a token in one sweep, {single:,} one by one "
        f"({single / swept:.2f} times as many)\n"
        f"items               {found.items}, about {tokens:,} tokens\n"
        f"memory              {weights:.1f} GiB of layers, up to {found.section.memory_gib} GiB of "
        f"waiting hidden states\n"
        f"time                about {hours:.2f} hours for the model at an assumed "
        f"{ASSUMED_TFLOPS} TFLOP/s; the nulls come on top"
    )
