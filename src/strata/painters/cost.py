"""What a stage would take on this machine, from a probe of its own model: `--dry-run`."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
from lm_eval.api.task import ConfigurableTask

from strata import paths
from strata.execution import Speed, seconds, speed, sweep
from strata.models import LoadedModel, blocks
from strata.painters.harness import SweepLM, log_likelihoods, per_item, shares_contexts
from strata.painters.packing import Request, RequestBatch, packed
from strata.painters.params import Measured, Prompted
from strata.schedules import Schedule, full, layer_executions

MEMORY = paths.RESULTS / "bench" / "memory.json"
PROBE_SECONDS = 6  # of all probes of a stage
NULLS = 2
SWEEPS = 14  # through all layers, in a probe


class Part(NamedTuple):
    """What is done `count` times, and the seconds of one."""

    name: str
    count: int
    seconds: float


def affordable(run: Callable[[int], object], most: int, budget: float) -> int:
    """How many units, of at most `most`, run at once within some seconds; more are not tried.

    Args:
        run: takes a number of units; called with one first, uncounted.
    """
    run(1)
    count, spent = 1, seconds(run, 1)
    while count < most and 2 * spent <= budget:
        count = min(2 * count, most)
        spent = seconds(run, count)
    return count


def probe(
    run: Callable[[int, list[Schedule]], object], T: int, most: int, budget: float
) -> tuple[int, Speed]:
    """The speed of `count` units swept at once, as many of `most` as fit into some seconds."""
    count = affordable(lambda count: run(count, [full(T)]), most, budget / SWEEPS)
    return count, speed(lambda plan: run(count, plan), T)


class Asking(SweepLM):
    """The harness asks for the first items of a task, and nothing is computed."""

    def __init__(
        self, loaded: LoadedModel, section: Prompted, name: str, task: ConfigurableTask
    ) -> None:
        plan = [full(len(blocks(loaded.model)))]
        super().__init__(loaded, plan, section.batch_size, section.memory_gib, section.bos)
        self.requests: list[Request] = []
        self.items = min(section.batch_size, len(task.eval_docs))
        ask = partial(per_item, {name: task}, self, ["full"], range(self.items))
        ask()
        self.seconds = seconds(ask)

    def _sweep(self, requests: list[Request]) -> None:
        self.requests = requests
        self._answers = {key: [(0.0, False)] for key in requests}

    def batches(self, items: int, together: bool) -> list[RequestBatch]:
        found = self.requests[: items * len(self.requests) // self.items]
        return packed(found, self.batch_size, self.max_length, together)


def item_parts(
    loaded: LoadedModel,
    section: Prompted,
    tasks: Mapping[str, ConfigurableTask],
    plan: Sequence[Schedule],
    counts: Mapping[str, int],
    budget: float = PROBE_SECONDS,
) -> list[Part]:
    """A part a task: its items, by one sweep through all schedules, each asked by the harness.

    The longest items are computed; what the others take follows from their tokens.
    """
    asked = {name: Asking(loaded, section, name, task) for name, task in tasks.items()}
    every = [request for lm in asked.values() for request in lm.requests]
    together = shares_contexts(loaded.model, every, next(iter(asked.values())).max_length)
    probed = max(asked.values(), key=lambda lm: _tokens(lm.batches(1, together)))

    def run(count: int, few: list[Schedule]) -> None:
        batches = probed.batches(count, together)
        sweep(loaded.model, few, batches, log_likelihoods, section.memory_gib)

    count, found = probe(run, len(blocks(loaded.model)), probed.items, budget)
    read, answered = _tokens(probed.batches(count, together))
    parts = []
    for name, lm in asked.items():
        tokens = _tokens(lm.batches(lm.items, together))
        swept = Speed(found.layer * tokens[0] / read, found.readout * tokens[1] / answered)
        spent = swept.seconds(plan) + len(plan) * lm.seconds
        parts.append(Part(name, counts[name], spent / lm.items))
    return parts


def _tokens(batches: Iterable[RequestBatch]) -> tuple[int, int]:
    """Tokens that are read, and those that are answered."""
    sums = [(int(each.mask_BxL.sum()), int((each.owner_BxL >= 0).sum())) for each in batches]
    return sum(read for read, _ in sums), sum(answered for _, answered in sums)


def with_nulls(
    tasks: Mapping[str, ConfigurableTask], own: Mapping[str, int], null: int
) -> dict[str, int]:
    """Items of the model and both nulls, as far as each task has them."""
    there = {name: len(task.eval_docs) for name, task in tasks.items()}
    return {name: min(own[name], count) + NULLS * min(null, count) for name, count in there.items()}


def swept(loaded: LoadedModel, section: Measured, plan: Sequence[Schedule]) -> str:
    """Schedules, layer executions and memory, as text."""
    executions, single = layer_executions(plan), sum(len(each.visits) for each in plan)
    weights = sum(each.nbytes for each in blocks(loaded.model).parameters()) / 2**30
    peak = json.loads(MEMORY.read_text(encoding="utf-8"))
    return (
        f"schedules           {len(plan):,}\n"
        f"layer executions    {executions:,} a token in one sweep, {single:,} one by one "
        f"({single / executions:.2f} times as many)\n"
        f"memory              {peak['ratio'] * weights:.1f} GiB ({peak['ratio']:.2f} times the "
        f"layers, as measured on a {peak['model']}), and up to {section.memory_gib} GiB of waiting "
        f"hidden states\n"
    )


def bill(profile: str, loaded: LoadedModel, parts: Iterable[Part], about: str = "") -> str:
    """The price as text: every part, the nulls included, and the sum."""
    found = list(parts)
    gpu = torch.cuda.is_available()
    machine = torch.cuda.get_device_name() if gpu else f"{os.cpu_count()} cores"
    record = loaded.provenance
    lines = [
        f"{part.name:<19} {part.count:,} times {part.seconds:.3g} s: {_time(part)}"
        for part in found
    ]
    return (
        f"profile {profile}, {record['name']}, {record['dtype']}, on {machine}\n{about}"
        + "\n".join(lines)
        + f"\ntime                about {_time(*found)}, nulls included, as measured on this "
        "machine just now; loading and intervals come on top"
    )


def _time(*parts: Part) -> str:
    minutes = sum(part.count * part.seconds for part in parts) / 60
    return f"{minutes:.1f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
