"""Which sequences a step sees: a pure function of seed and step, so a restart needs no state."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from strata.training.errors import TrainingError


@dataclass(frozen=True)
class Sequences:
    """A stream of tokens (N,) cut into sequences of `length`, shuffled anew in every epoch.

    Documents are not masked from each other. Tokens after the last whole sequence are left out.
    """

    tokens: NDArray[np.unsignedinteger]
    length: int
    seed: int

    def __post_init__(self) -> None:
        if not len(self):
            raise TrainingError(
                f"the corpus has {self.tokens.size} tokens, expected at least one sequence of "
                f"{self.length}; give it more text or set sequence_length lower"
            )

    def __len__(self) -> int:
        return self.tokens.size // self.length

    def batch(self, step: int, size: int) -> torch.Tensor:
        """The global batch of a step: ids, size x L."""
        places = range(step * size, (step + 1) * size)
        orders = {epoch: self._order(epoch) for epoch in {place // len(self) for place in places}}
        rows = [orders[place // len(self)][place % len(self)] for place in places]
        ids = [self.tokens[row * self.length : (row + 1) * self.length] for row in rows]
        return torch.from_numpy(np.stack(ids).astype(np.int64))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng([self.seed, epoch]).permutation(len(self))
