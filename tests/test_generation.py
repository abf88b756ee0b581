"""Paper C's generation claims: each number is of the variants and the cache it names."""

import numpy as np
import pandas as pd
import pytest

from strata import params, paths
from strata.painters import generation
from strata.params import ParamsError

LAPTOP = params.read(paths.PARAMS)


def test_generation_keeps_variants_and_caches_apart():
    chosen = LAPTOP.painters_generation.model_copy(update={"affected": [7], "resamples": 20})
    correct = {"full.M0": 1.0, "reverse.M7": 0.0, "random_order.M7": 0.0}
    correct |= {"parallel.M7": 1.0, "looped_parallel.M7": 0.0}
    items = pd.DataFrame(
        [
            {"case": f"{name}.{kv}", "item": item, "flexible": value}
            for name, value in correct.items()
            for kv in ("per_visit", "averaged")
            for item in range(4)
        ]
    )
    agreements = {"parallel.M7": [1.0] * 4, "looped_parallel.M7": [0.5] * 4}
    one_pass = {"parallel.M7.per_visit": [1.0] * 4, "parallel.M7.averaged": [0.25] * 4}
    judged = generation.measurements(items, agreements, one_pass, np.full(21, 0.5), chosen)
    assert judged["parallel_agreement"]["model"].value == 1
    assert judged["looped_parallel_agreement"]["model"].value == 0.5
    assert judged["one_pass"]["model"].value == 1
    assert judged["one_pass"]["as_published"].value == 0.25
    assert judged["semantic_minus_maths"]["model"].value == 0.5
    assert judged["parallel_kept"]["model"].value == 1
    assert judged["parallel_minus_orders"]["model"].value == 1
    none_kept = judged["looped_parallel_kept"]["model"]
    assert none_kept.value == 0 < none_kept.high


def test_semantic_tasks_and_maths_are_compared_at_the_same_affected_layers():
    items = pd.DataFrame(columns=["task", "item", "acc:reverse.M3.0", "acc:random_order.M7.1"])
    chosen = LAPTOP.painters_generation
    generation.check_measured(items, chosen.model_copy(update={"affected": [3, 7]}))
    with pytest.raises(ParamsError, match=r"\[11\] not measured .* expected some of \[3, 7\]"):
        generation.check_measured(items, chosen.model_copy(update={"affected": [7, 11]}))
