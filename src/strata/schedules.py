"""What is executed, in which order, as plain data.

T layers, numbered from 0, and s, the released code's `start_layer` (paper C): the head is layers
0..s, the tail T-s..T-1, and the M = T-1-2s layers between them are affected.
"""

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from strata.errors import StrataError

Step = int | tuple[int, ...]
THROUGH = -1  # a member of a parallel step that hands on what enters it


class ScheduleError(StrataError, ValueError):
    """A schedule that a model of this depth does not allow."""


@dataclass(frozen=True)
class Schedule:
    """Steps of a model of `depth` layers: a layer, or a tuple of layers run in parallel.

    Layers in parallel all receive what enters the step; the mean of their outputs leaves it. With
    `THROUGH` among them what enters counts as an output too, which damps the step.

    Raises:
        ScheduleError: no step, an empty parallel step, or a layer the model does not have.
    """

    depth: int
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps or () in self.steps:
            raise ScheduleError(f"T={self.depth}: expected at least one layer in every step")
        if not all(map(layers_of, self.steps)):
            raise ScheduleError(f"T={self.depth}: expected a layer in every step")
        unknown = sorted({i for i in self.visits if not 0 <= i < self.depth})
        if unknown:
            raise ScheduleError(
                f"T={self.depth}: layers {unknown} do not exist, expected 0 to {self.depth - 1}"
            )

    @property
    def visits(self) -> tuple[int, ...]:
        """Every layer execution, in order; a parallel step counts each of its layers."""
        return tuple(layer for step in self.steps for layer in layers_of(step))


def layers_of(step: Step) -> tuple[int, ...]:
    """The layers a step runs."""
    return tuple(member for member in members_of(step) if member != THROUGH)


def members_of(step: Step) -> tuple[int, ...]:
    """Everything a step's mean is of: its layers, and `THROUGH` as often as it counts."""
    return (step,) if isinstance(step, int) else step


def starts(T: int) -> range:
    """Every s that leaves a layer to affect."""
    return range((T - 2) // 2 + 1)


def affected(T: int, s: int) -> tuple[int, ...]:
    """The M = T-1-2s layers between head and tail.

    Raises:
        ScheduleError: no layer would be affected, or s is negative.
    """
    if s not in starts(T):
        raise ScheduleError(f"T={T}, s={s}: expected s from 0 to {starts(T).stop - 1}")
    return tuple(range(s + 1, T - s))


def start_for(T: int, M: int) -> int:
    """The s that affects M layers.

    Raises:
        ScheduleError: no s does.
    """
    s, odd = divmod(T - 1 - M, 2)
    if odd or s not in starts(T):
        possible = ", ".join(str(T - 1 - 2 * each) for each in reversed(starts(T)))
        raise ScheduleError(f"T={T}, M={M}: no s affects M layers, expected M among {possible}")
    return s


def full(T: int) -> Schedule:
    """Every layer once, in order."""
    return Schedule(T, tuple(range(T)))


def skip(T: int, s: int) -> Schedule:
    """The affected layers are left out."""
    return _between(T, s, ())


def middle_repeat(T: int, s: int) -> Schedule:
    """Each affected layer is replaced by the centre layer, int(T/2)."""
    return _between(T, s, (T // 2,) * len(affected(T, s)))


def reverse(T: int, s: int) -> Schedule:
    """The affected layers run in reverse order."""
    return _between(T, s, affected(T, s)[::-1])


def random_order(T: int, s: int, seed: int) -> Schedule:
    """The affected layers run in an order drawn with `seed`."""
    return random_orders(T, s, 1, seed)[0]


def random_orders(T: int, s: int, count: int, seed: int) -> list[Schedule]:
    """`count` different orders of the affected layers, or all M! of them if there are no more."""
    middle = affected(T, s)
    if math.factorial(len(middle)) <= count:
        return [_between(T, s, order) for order in permutations(middle)]
    generator = random.Random(seed)
    orders: dict[tuple[int, ...], None] = {}
    while len(orders) < count:
        orders[tuple(generator.sample(middle, len(middle)))] = None
    return [_between(T, s, order) for order in orders]


def parallel(T: int, s: int, loops: int = 1) -> Schedule:
    """The affected layers run side by side; their mean is fed back until `loops` passes are done.

    Raises:
        ScheduleError: s is out of range, or there is not at least one pass.
    """
    if loops < 1:
        raise ScheduleError(f"T={T}, s={s}, loops={loops}: expected loops from 1 on")
    middle = affected(T, s)
    return _between(T, s, (middle if len(middle) > 1 else middle[0],) * loops)


def parallel_pairs(T: int, s: int) -> Schedule:
    """The affected layers run side by side in consecutive pairs, the last, an odd one, alone."""
    middle = affected(T, s)
    pairs = [middle[i : i + 2] for i in range(0, len(middle), 2)]
    return _between(T, s, (pair if len(pair) > 1 else pair[0] for pair in pairs))


def middle_again(T: int, s: int, times: int) -> Schedule:
    """The affected layers run in order, all of them `times` times.

    Raises:
        ScheduleError: s is out of range, or there is not at least one time.
    """
    if times < 1:
        raise ScheduleError(f"T={T}, s={s}, times={times}: expected times from 1 on")
    return _between(T, s, affected(T, s) * times)


def middle_damped(T: int, s: int, times: int) -> Schedule:
    """`middle_again`, where each layer adds a part in `times` of what it would (arXiv 2605.23872).

    Raises:
        ScheduleError: as `middle_again`.
    """
    again = middle_again(T, s, times)
    if times == 1:
        return again
    damped = [(layer, *(THROUGH,) * (times - 1)) for layer in affected(T, s)]
    return _between(T, s, damped * times)


def skip_layer(T: int, i: int) -> Schedule:
    """Layer i is left out."""
    _check_layer(T, i, T - 1)
    return Schedule(T, tuple(layer for layer in range(T) if layer != i))


def swap_layers(T: int, i: int) -> Schedule:
    """Layers i and i+1 change places."""
    _check_layer(T, i, T - 2)
    return Schedule(T, (*range(i), i + 1, i, *range(i + 2, T)))


@dataclass
class Node:
    """A point in the prefix tree: what may run next, and which schedules end here (positions)."""

    children: dict[Step, "Node"] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)


def prefix_tree(schedules: Sequence[Schedule]) -> Node:
    """The tree of all steps; schedules with the same beginning share its nodes."""
    root = Node()
    for position, schedule in enumerate(schedules):
        node = root
        for step in schedule.steps:
            node = node.children.setdefault(step, Node())
        node.ends.append(position)
    return root


def layer_executions(schedules: Sequence[Schedule]) -> int:
    """Layers run when each distinct prefix is executed once; one by one it is the sum of visits."""
    return sum(len(layers_of(step)) for step in _tree_steps(prefix_tree(schedules)))


def _tree_steps(root: Node) -> Iterator[Step]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield from node.children
        waiting.extend(node.children.values())


def _between(T: int, s: int, middle: Iterable[Step]) -> Schedule:
    inner = affected(T, s)
    return Schedule(T, (*range(inner[0]), *middle, *range(inner[-1] + 1, T)))


def _check_layer(T: int, i: int, last: int) -> None:
    if not 0 <= i <= last:
        raise ScheduleError(f"T={T}, i={i}: expected i from 0 to {last}")
