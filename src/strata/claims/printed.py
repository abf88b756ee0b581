"""What a paper's printed numbers imply by arithmetic, to be judged against its own words."""

import math
from collections.abc import Mapping

from strata.claims.ledger import load_ledger
from strata.records import Estimate

BASELINE, BEST = "baseline_18l", "crown"


def implied() -> dict[str, Estimate]:
    """Every number that follows from printed ones; all arithmetic, so every interval is a point.

    anatomy.log10_range: the largest printed change over the smallest (abstract, and a summary).
    lws.largest_gain: percent of perplexity by which Crown lies below the 18-layer baseline
    (Table 3).
    """
    published = {
        claim.id: {check.evidence.key: check.published for check in claim.checks}
        for claim in load_ledger()
    }
    found = {
        "anatomy.log10_range": _log10_range(published),
        "lws.largest_gain": _gain(published["B-PPL"]),
    }
    return {key: Estimate(value, value, value) for key, value in found.items()}


def _log10_range(published: Mapping[str, Mapping[str, float]]) -> float:
    largest = published["A-CORE"]["neighbour_average.change_L11"]
    smallest = published["A-ANTI"]["neighbour_average.change_L14"]
    return math.log10(abs(largest / smallest))


def _gain(perplexities: Mapping[str, float]) -> float:
    return 100 * (1 - perplexities[f"val_ppl.{BEST}"] / perplexities[f"val_ppl.{BASELINE}"])
