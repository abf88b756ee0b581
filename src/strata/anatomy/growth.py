"""Growth training (paper A): train layers in phases named after embryology, the rest frozen.

The phase table is known only from a summary: the critical core takes part in phases of 30, 20, 20
and 15 epochs, redundant layers train in one phase before the last, anti-layers never train and are
scaled by 0.9 before the last phase, which trains all but them. Epochs not given there are ours.
Embedding, final norm and (tied) head train in every phase.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from strata.anatomy.params import GrowthPhase

ANTI = "anti"


class Phase(NamedTuple):
    """Optimizer steps start..stop-1, in which only `trained` layers change.

    scale_anti: whether anti-layers are scaled when the phase begins.
    """

    name: str
    start: int
    stop: int
    trained: tuple[int, ...]
    scale_anti: bool


class Cost(NamedTuple):
    """Floating-point operations for one token: weights of one layer and of what always trains."""

    per_layer: int
    always: int
    layers: int

    def step(self, trained: int) -> int:
        """Forward 2 and backward-through 2 a weight everywhere, 2 more where the weight trains."""
        return 4 * self.per_layer * self.layers + 2 * self.per_layer * trained + 6 * self.always


def plan(
    phases: Sequence[GrowthPhase], roles: Mapping[str, Sequence[int]], steps: int
) -> list[Phase]:
    """Spread `steps` over the phases by their epochs; every phase gets one at least."""
    epochs = np.array([phase.epochs for phase in phases], dtype=float)
    stops = np.round(np.cumsum(epochs) / epochs.sum() * steps).astype(int)
    places = np.arange(len(phases))
    stops = np.clip(stops, places + 1, steps - places[::-1])
    starts = [0, *stops[:-1].tolist()]
    return [
        Phase(
            name=phase.name,
            start=start,
            stop=int(stop),
            trained=tuple(sorted(layer for role in phase.roles for layer in roles[role])),
            scale_anti=phase.scale_anti,
        )
        for phase, start, stop in zip(phases, starts, stops, strict=True)
    ]


def uniform(layers: int, steps: int, restarts: Sequence[int] = (0,)) -> list[Phase]:
    """Every layer trains throughout; `restarts` begin anew the optimizer and its learning rate."""
    stops = [*restarts[1:], steps]
    return [
        Phase("uniform", start, stop, tuple(range(layers)), scale_anti=False)
        for start, stop in zip(restarts, stops, strict=True)
    ]


def permuted(roles: Mapping[str, Sequence[int]], seed: int) -> dict[str, tuple[int, ...]]:
    """The same number of layers in each role, but other layers: the null of growth training."""
    layers = sorted(layer for members in roles.values() for layer in members)
    order = iter(np.random.default_rng(seed).permutation(layers).tolist())
    return {role: tuple(sorted(next(order) for _ in members)) for role, members in roles.items()}


def flops(phases: Sequence[Phase], cost: Cost, tokens_per_step: int) -> list[int]:
    """Cumulative floating-point operations after each step."""
    each = [
        cost.step(len(phase.trained)) for phase in phases for _ in range(phase.start, phase.stop)
    ]
    return (np.cumsum(each, dtype=np.int64) * tokens_per_step).tolist()


def equal_flops_steps(phases: Sequence[Phase], cost: Cost) -> int:
    """Steps of uniform training that cost as much as these phases."""
    total = flops(phases, cost, 1)[-1]
    return max(1, round(total / cost.step(cost.layers)))


def accounting_saved(
    phases: Sequence[GrowthPhase],
    roles: Mapping[str, Sequence[int]],
    uniform_epochs: int | None = None,
) -> float:
    """Percent saved if a frozen layer cost nothing: one minus the share of trained layer-epochs.

    Args:
        uniform_epochs: of every layer in uniform training; as many as the phases have if not given.
    """
    layers = sum(len(members) for members in roles.values())
    trained = sum(phase.epochs * sum(len(roles[role]) for role in phase.roles) for phase in phases)
    epochs = uniform_epochs or sum(phase.epochs for phase in phases)
    return 100 * (1 - trained / (layers * epochs))
