"""From sums over texts to fidelity: 1 at the unedited model, 0 at a unigram model of the text.

Arrays end in an axis of 1 + B: the value itself, then B bootstrap draws.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from strata import schedules
from strata.painters import loops, single_layer, variants
from strata.painters.catalogue import APPENDIX, PASSES, VARIANTS
from strata.painters.fidelity import MEASURES, Case
from strata.painters.fidelity_study import TEXT, Sums
from strata.painters.params import FidelityParams
from strata.painters.scores import area, curve_table
from strata.records import Estimate
from strata.statistics import (
    Floats,
    block_weights,
    estimate,
    resampling_weights,
)

Key = tuple[str, int, int]  # variant, at, loops
FULL: Key = (variants.FULL, 0, 1)
UNIGRAM: Key = ("unigram", 0, 1)
ROLES = {"semantic": variants.SEMANTIC, "reasoning": variants.REASONING, "maths": ("gsm8k",)}
CHANGES = {
    "orders": variants.ORDERS,
    "parallel": ("parallel",),
    "skip_and_parallel": variants.SKIP_AND_PARALLEL,
}
OPTIONAL = (
    "looped_minus_parallel_one_layer",
    "share.largest_difference",
    "kinds.maths.parallel_minus_orders",
    *(f"kinds.{role}_minus_semantic.{each}" for role in ("reasoning", "maths") for each in CHANGES),
)


class Curves(NamedTuple):
    """Means over the tokens of a text, random orders averaged: key -> (MEASURES, 1 + B)."""

    T: int
    affected: list[int]
    mean: dict[Key, Floats]

    def fidelity(self, key: Key, measure: str = "agreement") -> Floats:
        """With the unigram model at 0 and the unedited model at 1: (1 + B,)."""
        place = MEASURES.index(measure)
        value, full, unigram = (self.mean[each][place] for each in (key, FULL, UNIGRAM))
        return (value - unigram) / (full - unigram)

    def nll(self, key: Key) -> Floats:
        """Nats a token: (1 + B,)."""
        return self.mean[key][MEASURES.index("nll")]


def curves(found: Sums, made: Sequence[Case], T: int, params: FidelityParams, kind: str) -> Curves:
    """Means of one kind of text, by blocks of passages or, of a benchmark, by documents.

    Orders that are a sample are drawn anew in each resample, as texts are.
    """
    generator = np.random.default_rng(params.seed)
    weigh = block_weights if kind == TEXT else resampling_weights
    weights = weigh(len(found.tokens), params.resamples, generator)
    sums = np.tensordot(weights, found.sums, axes=1) / (weights @ found.tokens)[:, None, None]
    means = np.moveaxis(sums, 0, -1)  # 1 + S, MEASURES, 1 + B
    rows: dict[Key, list[int]] = {}
    for place, case in enumerate(made, start=1):
        rows.setdefault((case.variant, case.at, case.loops), []).append(place)
    mean = {UNIGRAM: means[0]}
    for key, places in rows.items():
        mean[key] = variants.over_orders(means[places], key[1], generator)
    return Curves(T, params.affected, mean)


def table(found: Curves) -> pd.DataFrame:
    """A row a case: fidelity with its interval, and the three means over tokens."""
    keys = list(found.mean)
    variant, at, loops_ = zip(*keys, strict=True)
    fidelity = np.stack([found.fidelity(key) for key in keys])
    rows = curve_table(fidelity, variant=variant, at=at, loops=loops_)
    means = np.stack([found.mean[key][:, 0] for key in keys])
    return rows.assign(**dict(zip(MEASURES, means.T, strict=True)))


def measurements(found: Curves) -> dict[str, Estimate]:
    """Everything the ledger judges about one subject on the evaluation text."""
    above = found.nll(UNIGRAM) - found.nll(FULL)
    drawn = {"above_unigram": above} | variants.orderings(_areas(found, "agreement"))
    by_kl = variants.orderings(_areas(found, "kl"))
    drawn |= {f"kl.{key}": each for key, each in by_kl.items() if "_minus_" in key}
    quarter = min(found.affected, key=lambda M: abs(M - 7))
    drawn |= {f"quarter.{name}": found.fidelity((name, quarter, 1)) for name in VARIANTS}
    if 1 in found.affected:
        one = found.fidelity(("looped_parallel", 1, 1)) - found.fidelity(("parallel", 1, 1))
        drawn["looped_minus_parallel_one_layer"] = one
    again = ("middle_twice", "middle_three_times")
    least = np.min([found.nll((name, M, 1)) for name in again for M in found.affected], axis=0)
    drawn["twice.best_minus_full"] = found.nll(FULL) - least
    drawn |= loop_line(found)
    return {key: estimate(each) for key, each in drawn.items()} | _single_layers(found)


def _areas(found: Curves, measure: str) -> dict[str, Floats]:
    heights = {
        name: [found.fidelity((name, M, 1), measure) for M in found.affected]
        for name in (*VARIANTS, *APPENDIX)
    }
    return {name: area(found.affected, np.stack(each)) for name, each in heights.items()}


def _single_layers(found: Curves) -> dict[str, Estimate]:
    measured = {}
    for change in single_layer.CHANGES:
        layers = range(found.T - (change == "swap"))
        kept = np.stack([found.fidelity((f"{change}_layer", i, 1)) for i in layers])
        parts = single_layer.regions(kept, np.ones(kept.shape[1]))
        measured |= {f"single.{change}.{key}": each for key, each in parts.items()}
    return measured


def best_passes(found: Curves) -> Floats:
    """The number of passes with the highest fidelity: (affected, 1 + B)."""
    most = max(loops for variant, _, loops in found.mean if variant == PASSES)
    grid = [
        [found.fidelity((PASSES, M, each)) for each in range(1, most + 1)] for M in found.affected
    ]
    return np.argmax(grid, axis=1) + 1.0


def best_table(found: Curves) -> pd.DataFrame:
    """A row an M: the best number of passes."""
    return curve_table(best_passes(found), affected=found.affected)


def loop_line(found: Curves) -> dict[str, Floats]:
    """The line through the best numbers of passes, and the M from which on they grow no more."""
    best, affected = best_passes(found), np.array(found.affected, dtype=float)
    starts = [schedules.start_for(found.T, M) for M in found.affected]
    on_line = np.array(starts) >= loops.FIRST_START_ON_LINE
    slope, r_squared = loops.line(affected[on_line], best[on_line])
    return {
        "loops.slope": slope,
        "loops.r_squared": r_squared,
        "loops.grows_until": affected[best.argmax(axis=0)],
    }


def few_affected(T: int, affected: Sequence[int]) -> list[int]:
    """More than one affected layer, but at most a quarter: there every kind of text has more to
    lose.

    Raises:
        ScheduleError: no M is.
    """
    few = [M for M in affected if 1 < M <= T // 4]
    if not few:
        raise schedules.ScheduleError(
            f"T={T}: kinds of text are compared at M from 2 to {T // 4}, found {list(affected)}; "
            f"name one in painters_fidelity.affected"
        )
    return few


def cases_of_kinds(made: Sequence[Case], few: Sequence[int]) -> list[Case]:
    """The cases that are run on every kind of text: the full model, then the changes compared."""
    changed = [name for names in CHANGES.values() for name in names]
    compared = [case for case in made if case.variant in changed and case.at in few]
    return [case for case in made if case.variant == variants.FULL] + compared


def kinds(by_kind: Mapping[str, Curves]) -> tuple[pd.DataFrame, dict[str, Estimate]]:
    """Relative rise of the NLL by kind of text, variant and M; and differences between kinds."""
    T, affected, _ = by_kind[TEXT]
    few = few_affected(T, affected)
    names = dict.fromkeys(name for names in CHANGES.values() for name in names)
    points = [(kind, name, M) for kind in by_kind for name in names for M in few]
    rises = {
        (kind, name, M): by_kind[kind].nll((name, M, 1)) / by_kind[kind].nll(FULL) - 1
        for kind, name, M in points
    }
    kind, variant, at = zip(*points, strict=True)
    rows = curve_table(np.stack(list(rises.values())), kind=kind, variant=variant, affected=at)
    rise = {
        (each, change): np.mean([rises[each, name, M] for name in chosen for M in few], axis=0)
        for each in by_kind
        for change, chosen in CHANGES.items()
    }
    drawn = {f"kinds.{each}.{change}": draws for (each, change), draws in rise.items()}
    of_role = {
        (role, change): np.mean([rise[each, change] for each in present], axis=0)
        for role, among in ROLES.items()
        if (present := [each for each in by_kind if each in among])
        for change in CHANGES
    }
    drawn |= {
        f"kinds.{role}_minus_semantic.{change}": each - of_role["semantic", change]
        for (role, change), each in of_role.items()
        if role != "semantic" and ("semantic", change) in of_role
    }
    if ("maths", "orders") in of_role:
        drawn["kinds.maths.parallel_minus_orders"] = (
            of_role["maths", "parallel"] - of_role["maths", "orders"]
        )
    return rows, {key: estimate(each) for key, each in drawn.items()}


def share_apart(one: Curves, other: Curves) -> Estimate:
    """The largest difference of two models' fidelity where the same share of layers is left out.

    The first is interpolated at the shares of the second that lie within its own.
    """
    shares = [np.array(each.affected) / each.T for each in (one, other)]
    first, second = (
        np.stack([each.fidelity(("skip", M, 1)) for M in each.affected]) for each in (one, other)
    )
    inside = (shares[1] >= shares[0][0]) & (shares[1] <= shares[0][-1])
    between = np.stack([np.interp(shares[1][inside], shares[0], draw) for draw in first.T], axis=1)
    return estimate(abs(between - second[inside]).max(axis=0))
