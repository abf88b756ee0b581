"""The processes that torchrun started, each with its share of a stage's work; without it, one.

The processes may be on several machines that see the same files.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from strata.errors import StrataError

RANK, SIZE = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
OF_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
LONGEST_WAIT = timedelta(days=30)


class RankError(StrataError):
    """Another process of the run has ended."""


@contextmanager
def joined() -> Iterator[None]:
    """Join the others. Inside, libraries see no other process and only this process's GPU."""
    if SIZE == 1:
        yield
        return
    import torch.distributed as dist

    place = int(os.environ["LOCAL_RANK"])
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", str(place)).split(",")
    os.environ["CUDA_VISIBLE_DEVICES"] = gpus[place % len(gpus)]
    dist.init_process_group("gloo", timeout=LONGEST_WAIT)
    for name in OF_TORCHRUN:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        dist.destroy_process_group()


def wait() -> None:
    """Return when every process has come here.

    Raises:
        RankError: one never will.
    """
    if SIZE == 1:
        return
    import torch.distributed as dist

    try:
        dist.barrier()
    except RuntimeError as error:
        raise RankError(
            "another process of this run has ended; finished units are kept, run again to carry on"
        ) from error
