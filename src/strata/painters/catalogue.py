"""The variants of paper C: what each does to the affected layers, and its colour in figures.

A variant that is added here is measured, drawn and offered as a parameter; the paper's claims are
about the six it compares, `PUBLISHED`.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from strata import schedules
from strata.schedules import Schedule

PUBLISHED = ("skip", "middle_repeat", "reverse", "random_order", "parallel", "looped_parallel")


class Choice(Protocol):
    """The parameters a variant may need."""

    orders: int
    loops: int
    seed: int


class Variant(NamedTuple):
    """schedules: of T layers from start s on; colour: a place in seaborn's colorblind palette;
    drawn: whether there are several schedules, drawn at random, whose scores are averaged."""

    schedules: Callable[[int, int, Choice], list[Schedule]]
    colour: int
    drawn: bool = False


VARIANTS: dict[str, Variant] = {
    "skip": Variant(lambda T, s, _: [schedules.skip(T, s)], 7),
    "middle_repeat": Variant(lambda T, s, _: [schedules.middle_repeat(T, s)], 3),
    "reverse": Variant(lambda T, s, _: [schedules.reverse(T, s)], 1),
    "random_order": Variant(
        lambda T, s, choice: schedules.random_orders(T, s, choice.orders, choice.seed), 2, True
    ),
    "parallel": Variant(lambda T, s, _: [schedules.parallel(T, s)], 0),
    "looped_parallel": Variant(lambda T, s, choice: [schedules.parallel(T, s, choice.loops)], 4),
}
APPENDIX: dict[str, Callable[[int, int], Schedule]] = {
    "middle_twice": lambda T, s: schedules.middle_again(T, s, 2),
    "middle_three_times": lambda T, s: schedules.middle_again(T, s, 3),
    "middle_twice_damped": lambda T, s: schedules.middle_damped(T, s, 2),
    "middle_three_times_damped": lambda T, s: schedules.middle_damped(T, s, 3),
    "parallel_pairs": schedules.parallel_pairs,
}
"""Edits of appendix A.6, the same damped (arXiv 2605.23872), and consecutive pairs in parallel
(arXiv 2502.02790): of T, s."""
PASSES = "passes"  # a parallel block fed back any number of times
