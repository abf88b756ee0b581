"""What a step costs and takes: learning rate, shares of the global batch, gradient accumulation."""

import math

from torch import nn
from transformers import PreTrainedModel

from strata.params.training import TrainingParams
from strata.training.distributed import World
from strata.training.errors import TrainingError

COPIES = 2  # of each matrix's input and output that backward keeps, counted in fp32


def learning_rate(params: TrainingParams, step: int) -> float:
    """Linear warm-up, then constant, or a cosine down to a tenth."""
    if params.schedule == "constant" and step >= params.warmup_steps:
        return params.learning_rate
    return params.learning_rate * warm_then_cosine(step, params.steps, params.warmup_steps)


def warm_then_cosine(step: int, steps: int, warm: int) -> float:
    """Share of the full learning rate: a linear warm-up, then a cosine from 1 to 0.1."""
    if step < warm:
        return (step + 1) / warm
    return 0.55 + 0.45 * math.cos(math.pi * (step - warm) / max(1, steps - warm))


def shared_out(params: TrainingParams, world: World) -> int:
    """Sequences of the global batch that each process takes.

    Raises:
        TrainingError: the batch is not made of whole sequences, or not divisible by the processes.
    """
    sequences, rest = divmod(params.batch_tokens, params.sequence_length)
    if rest or not sequences or sequences % world.size:
        raise TrainingError(
            f"batch_tokens {params.batch_tokens} is {sequences} sequences of "
            f"{params.sequence_length} and {rest} tokens; expected whole sequences, divisible by "
            f"{world.size} processes"
        )
    return sequences // world.size


def micro_batch(model: PreTrainedModel, sequences: int, params: TrainingParams) -> int:
    """The largest even share of a process's sequences whose activations fit into `memory_gib`.

    Raises:
        TrainingError: not even one sequence fits.
    """
    matrices = [module for module in model.modules() if isinstance(module, nn.Linear)]
    floats = COPIES * sum(matrix.in_features + matrix.out_features for matrix in matrices)
    fitting = int(params.memory_gib * 2**30 // (4 * floats * params.sequence_length))
    shares = [size for size in range(1, sequences + 1) if sequences % size == 0 and size <= fitting]
    if not shares:
        needed = 4 * floats * params.sequence_length / 2**30
        raise TrainingError(
            f"memory_gib {params.memory_gib}: one sequence needs about {needed:.2f} GiB; set it "
            f"higher or sequence_length lower"
        )
    return shares[-1]
