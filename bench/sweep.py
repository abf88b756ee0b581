"""Every schedule of paper C through the harness: one sweep against one schedule at a time.

Same model, items and dtype, one run. Writes results/bench/sweep.json. Ten to twenty minutes;
`python bench/sweep.py without_loops` measures that part alone and keeps the rest of the file.
"""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from timing import threads, timed
from tqdm import tqdm

from strata import params, paths, profiles, records, schedules
from strata.execution import scheduled
from strata.models import LoadedModel, blocks, load
from strata.painters.harness import SweepLM, harness_results
from strata.schedules import Schedule, layer_executions
from strata.tasks import load_task

TASKS = ("winogrande",)
ITEMS = 1  # of each task; so few that the harness's own work for each schedule counts
BATCH_SIZE = 8
ORDERS = 10
MOST_LOOPS = 28
TARGETS = {"full_set": 5.0, "without_loops": 1.4}
TARGET_DIFFERENCE = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=list(TARGETS))
    part = parser.parse_args().part
    parts = [part] if part else list(TARGETS)
    file = paths.ROOT / "results" / "bench" / "sweep.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    with records.provenance(file.with_name("sweep_machine.json"), threads):
        records.write_json(file, before | measure(parts))
    print(file.read_text(encoding="utf-8"))


def measure(parts: Sequence[str]) -> dict[str, Any]:
    settings = params.compose(profiles.base())
    loaded = load("painters_model", settings)
    tasks = {name: load_task(name, settings.benchmarks, settings.local) for name in TASKS}
    depth = len(blocks(loaded.model))
    one_by_one(loaded, tasks, [schedules.full(depth)], range(1))  # warm-up
    loops = {"full_set": range(1, MOST_LOOPS + 1), "without_loops": (1, 3)}
    return {
        "model": loaded.provenance["name"],
        "layers": depth,
        "dtype": "float32",
        "tasks": list(TASKS),
        "batch_size": BATCH_SIZE,
        "target_difference_nats": TARGET_DIFFERENCE,
        **{part: compare(loaded, tasks, full_set(depth, loops[part]), part) for part in parts},
    }


def full_set(T: int, loops: Sequence[int]) -> list[Schedule]:
    """Every s with every variant, and every single skip and swap."""
    made = [schedules.full(T)]
    made += [schedules.skip_layer(T, i) for i in range(T)]
    made += [schedules.swap_layers(T, i) for i in range(T - 1)]
    for s in schedules.starts(T):
        made += [schedules.skip(T, s), schedules.middle_repeat(T, s), schedules.reverse(T, s)]
        made += schedules.random_orders(T, s, ORDERS, seed=0)
        made += [schedules.parallel(T, s, each) for each in loops]
    return made


def compare(
    loaded: LoadedModel,
    tasks: dict[str, ConfigurableTask],
    plan: list[Schedule],
    part: str,
) -> dict[str, Any]:
    lm, items = SweepLM(loaded, plan, BATCH_SIZE), range(ITEMS)
    swept, sweep_seconds = timed(lambda: answers(lm, tasks, len(plan), items))
    single, single_seconds = timed(lambda: one_by_one(loaded, tasks, plan, items))
    pairs = [pair for a, b in zip(swept, single, strict=True) for pair in zip(a, b, strict=True)]
    executions = layer_executions(plan), sum(len(schedule.visits) for schedule in plan)
    return {
        "items": len(items),
        "schedules": len(plan),
        "layer_executions": {"sweep": executions[0], "one_by_one": executions[1]},
        "layer_executions_ratio": executions[1] / executions[0],
        "seconds": {"sweep": sweep_seconds, "one_by_one": single_seconds},
        "ratio": single_seconds / sweep_seconds,
        "target_ratio": TARGETS[part],
        "largest_difference_nats": max(abs(a[0] - b[0]) for a, b in pairs),
        "greedy_differs": sum(a[1] != b[1] for a, b in pairs),
    }


def answers(
    lm: SweepLM, tasks: dict[str, ConfigurableTask], count: int, items: range
) -> list[list[Any]]:
    """The log-likelihoods that the harness was given, schedule by schedule."""
    found = []
    for lm.current in range(count):
        found.append(given(harness_results(tasks, lm, items)))
    return found


def one_by_one(
    loaded: LoadedModel, tasks: dict[str, ConfigurableTask], plan: list[Schedule], items: range
) -> list[list[Any]]:
    """The same with the harness's own model inside `scheduled`."""
    lm = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=BATCH_SIZE)
    found = []
    for schedule in tqdm(plan, desc="one by one", mininterval=5):
        with scheduled(loaded.model, schedule):
            found.append(given(harness_results(tasks, lm, items)))
    return found


def given(results: dict[str, Any]) -> list[Any]:
    samples = [sample for rows in results["samples"].values() for sample in rows]
    return [response for sample in samples for (response,) in sample["resps"]]


if __name__ == "__main__":
    main()
