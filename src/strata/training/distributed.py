"""Data parallelism by torchrun: one process a device, or a single process without it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """This process among all: its rank, how many there are, and its device."""

    rank: int
    size: int
    device: torch.device

    def mean(self, value: torch.Tensor) -> float:
        """The mean of a scalar over all processes."""
        if self.size > 1:
            value = value.clone()
            dist.all_reduce(value)
        return float(value) / self.size

    def wrapped(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over all processes."""
        return DistributedDataParallel(module) if self.size > 1 else module


@contextmanager
def world() -> Iterator[World]:
    """Join the processes that torchrun started; without torchrun, be the only one."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if gpu else "cpu"
    if gpu:
        torch.cuda.set_device(device)
    if size > 1:
        dist.init_process_group("nccl" if gpu else "gloo")
    try:
        yield World(rank, size, torch.device(device))
    finally:
        if size > 1:
            dist.destroy_process_group()
