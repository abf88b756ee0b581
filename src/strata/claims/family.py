"""Many looks at once: how many checks are decided, how many would be by chance, and Holm's p."""

import math
from collections.abc import Iterable, Sequence

from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from strata.claims.entries import Check
from strata.claims.speaking import Spoken
from strata.records import Estimate
from strata.statistics import CONFIDENCE

DECIDED = ("replicated", "not replicated", "holds on a stand-in", "fails on a stand-in")


def holm(spoken: Sequence[Spoken]) -> dict[tuple[str, str], float]:
    """(claim, check) -> Holm-corrected p over one paper's sign checks that were measured, by the
    paper's own measures.

    One-sided, that the value lies on the claimed side of zero; from the interval, read as normal.
    """
    tested = dict(_p_values(spoken))
    if not tested:
        return {}
    corrected = multipletests(list(tested.values()), method="holm")[1]
    return dict(zip(tested, map(float, corrected), strict=True))


def _p_values(spoken: Iterable[Spoken]) -> Iterable[tuple[tuple[str, str], float]]:
    for each in spoken:
        for check, judged in zip(each.claim.checks, each.verdict.checks, strict=True):
            if check.kind == "sign" and judged.model and not check.measure:
                yield (each.claim.id, check.name), _p_value(check, Estimate(**judged.model))


def _p_value(check: Check, found: Estimate) -> float:
    sign = 1 if check.tolerance.side == "above" else -1
    error = (found.high - found.low) / 2 / norm.ppf((1 + CONFIDENCE) / 2)
    if not error:
        return 0.0 if sign * found.value > 0 else 1.0
    return float(norm.sf(sign * found.value / error))


def decided(spoken: Sequence[Spoken]) -> tuple[int, int, float]:
    """Checks measured, checks decided for or against, and how many chance alone would decide.

    Chance: where the true value lies on the end of a region, an interval of 95% misses it, on one
    side or the other, in 5% of the cases.
    """
    outcomes = [judged.outcome for each in spoken for judged in each.verdict.checks if judged.model]
    found = sum(outcome in DECIDED for outcome in outcomes)
    return len(outcomes), found, len(outcomes) * (1 - CONFIDENCE)


def shown(p: float | None) -> str:
    """Holm's p in words of a table; a dash where a check has no sign."""
    if p is None or math.isnan(p):
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.2g}"
