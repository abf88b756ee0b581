"""Training speed of every variant: the real loop on random tokens, timed in windows of steps."""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm

from strata.lws.model import build
from strata.lws.params import LwsThroughputParams, LwsTrainParams
from strata.lws.scaling import BASELINES, VARIANTS, layer_shapes, proportional, training_flops
from strata.params.training import TrainingParams
from strata.records import Estimate
from strata.statistics import Floats, mean_estimate
from strata.training import Sequences, World, train

SCALED = {
    name: BASELINES[variant.layers]
    for name, variant in VARIANTS.items()
    if name not in BASELINES.values()
}
KEYS = [
    *(f"positions_per_second.{name}" for name in VARIANTS),
    *(f"speed_ratio.{name}" for name in SCALED),
]
ORDER = (
    *("baseline_18l", "crown", "vanilla_18l", "framed", "reverse"),
    *("baseline_12l", "vanilla_12l"),
)
PROFILED_STEPS = 2  # a window
TERA, GIBI = 1e12, 2**30
COSTLIEST = 15


def measure(
    section: LwsThroughputParams,
    loop: LwsTrainParams,
    world: World,
    save: Callable[[pd.DataFrame], None] = lambda table: None,
    minutes: float = float("inf"),
) -> pd.DataFrame:
    """One row a variant, compiler setting and window: positions per second, MFU (a share of
    `peak_tflops`, empty without one) and peak memory in GiB (empty on a CPU).

    Args:
        save: called with all rows so far after each variant.
        minutes: start no variant later than this.
    """
    deadline = time.monotonic() + 60 * minutes
    geometry = proportional(section.d_model, section.vocabulary)
    cells = [(compiled, name) for compiled in section.compile for name in ORDER]
    rows = []
    for compiled, name in tqdm(cells, "throughput"):
        if rows and time.monotonic() >= deadline:
            break
        if world.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        flops = training_flops(layer_shapes(name, geometry), geometry, section.sequence_length)
        for window, speed in enumerate(_speeds(name, compiled, section, loop, world)):
            peak = section.peak_tflops
            rows.append(
                {
                    "variant": name,
                    "compiled": compiled,
                    "window": window,
                    "positions_per_second": speed,
                    "gflops_per_position": flops / 1e9,
                    "mfu": speed * flops / (peak * TERA) if peak else None,
                    "peak_memory_gib": _peak_memory(world),
                }
            )
        save(pd.DataFrame(rows))
    return pd.DataFrame(rows)


def kernels(section: LwsThroughputParams, loop: LwsTrainParams, world: World) -> pd.DataFrame:
    """Where the time of Baseline 18L goes: the costliest kernels (operators, on a CPU), their calls
    and their share of all time in percent."""
    on_gpu = world.device.type == "cuda"
    activity = ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU
    brief = section.model_copy(update={"steps": min(section.steps, PROFILED_STEPS)})
    with profile(activities=[activity]) as profiled:
        _speeds(BASELINES[18], section.compile[0], brief, loop, world)
    clock = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    events = profiled.key_averages()
    total = sum(getattr(event, clock) for event in events)
    rows = [
        {"kernel": event.key, "calls": event.count, "percent": 100 * getattr(event, clock) / total}
        for event in events
    ]
    return pd.DataFrame(rows).nlargest(COSTLIEST, "percent")


def speeds(table: pd.DataFrame) -> dict[str, Estimate]:
    """What the ledger judges: the faster compiler setting's speeds, and ratios to the baseline of
    the same depth, of the variants that were timed; means over windows with t intervals."""
    fastest = {name: _fastest(table, name) for name in VARIANTS if name in set(table["variant"])}
    ratios = {
        name: fastest[name] / fastest[base]
        for name, base in SCALED.items()
        if {name, base} <= fastest.keys()
    }
    return {
        **{f"positions_per_second.{name}": mean_estimate(each) for name, each in fastest.items()},
        **{f"speed_ratio.{name}": mean_estimate(each) for name, each in ratios.items()},
    }


def _speeds(
    name: str, compiled: bool, section: LwsThroughputParams, loop: LwsTrainParams, world: World
) -> Floats:
    """Positions per second of all processes in each window, after the warm-up."""
    geometry = proportional(section.d_model, section.vocabulary)
    batch = section.sequences * section.sequence_length
    changes = {
        "sequence_length": section.sequence_length,
        "batch_tokens": batch,
        "compile": compiled,
        "validate_every": section.steps,
        "checkpoint_every": 10**9,
    }
    windows = section.rounds + -(-section.warmup_steps // section.steps)
    params = TrainingParams(
        **(loop.loop.model_dump() | changes),
        steps=windows * section.steps,
        learning_rate=6e-4,
        precision=section.precision,
        seed=0,
    )
    tokens = np.random.default_rng(0).integers(0, geometry.vocabulary, 2 * batch, dtype=np.uint32)
    clock: list[float] = []

    def tick(_: object) -> float:
        if world.device.type == "cuda":
            torch.cuda.synchronize()
        clock.append(time.perf_counter())
        return 0.0

    with world.device:
        model = build(name, geometry, section.sequence_length)
    train(model, Sequences(tokens, section.sequence_length, 0), params, world, None, tick)
    return section.steps * batch / np.diff(clock)[-section.rounds :]


def _fastest(table: pd.DataFrame, name: str) -> Floats:
    """A variant's speeds by window, with the compiler setting that is faster on average."""
    rows = table[table["variant"] == name].groupby("compiled")["positions_per_second"]
    return max((speeds.to_numpy() for _, speeds in rows), key=np.mean)


def _peak_memory(world: World) -> float | None:
    return torch.cuda.max_memory_allocated() / GIBI if world.device.type == "cuda" else None
