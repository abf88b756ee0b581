"""Training a decoder: one loop, its data order, checkpoints and data parallelism."""

from strata.training.data import Sequences
from strata.training.distributed import World, world
from strata.training.errors import TrainingError
from strata.training.loop import History, autocast, train

__all__ = ["History", "Sequences", "TrainingError", "World", "autocast", "train", "world"]
