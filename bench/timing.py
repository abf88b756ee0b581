"""What the benchmarks share."""

import time
from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")


def timed(run: Callable[[], Result]) -> tuple[Result, float]:
    """What a call gives, and the seconds it took."""
    start = time.perf_counter()
    return run(), time.perf_counter() - start


def threads() -> dict[str, int]:
    """For the provenance: how many threads torch computed with."""
    return {"threads": torch.get_num_threads()}
