"""What one layer and one readout take on this machine, measured."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from strata.schedules import Schedule, full, layer_executions

TURNS = 3


class Speed(NamedTuple):
    """Seconds of one layer execution, and of what follows a schedule's last one."""

    layer: float
    readout: float

    def seconds(self, plan: Sequence[Schedule]) -> float:
        """Of one sweep through all schedules."""
        return layer_executions(plan) * self.layer + len(plan) * self.readout


def speed(run: Callable[[list[Schedule]], object], T: int) -> Speed:
    """From the differences of three sweeps, in which what a sweep costs once drops out.

    The least of some turns counts: other work on the machine only ever adds.

    Args:
        run: sweeps schedules of T layers; called once more before, uncounted.
    """
    alone = [full(T)]
    ends = [Schedule(T, tuple(range(count))) for count in range(T - 2, T)]
    other = Schedule(T, tuple(reversed(range(T))))
    run(alone)
    plans = (alone, [*alone, *ends], [*alone, other])
    turns = [[seconds(run, plan) for plan in plans] for _ in range(TURNS)]
    one, with_ends, with_other = map(min, zip(*turns, strict=True))
    readout = max(0.0, (with_ends - one) / len(ends))
    return Speed(max(0.0, (with_other - one - readout) / T), readout)


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """Of one call, and of what it left to the GPU."""
    start = time.perf_counter()
    work(*arguments)
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter() - start
