"""Paper C's Fig. 15: how far an edited model's states drift from the full model's, by depth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel

from strata import schedules
from strata.execution import sweep, trace
from strata.records import Estimate
from strata.schedules import Schedule
from strata.statistics import Floats, block_weights, estimate
from strata.text import TokenBatch

SHARE = 13 / 32  # the paper's s = 13 of Llama-2-7B's 32 layers
LAST = 2  # states at the end, whose variance the paper says explodes


def start(T: int) -> int:
    """The s nearest the paper's that leaves several layers to affect."""
    return min(round(SHARE * T), schedules.starts(T)[-1])


def plan(T: int) -> dict[str, Schedule]:
    """The figure's variants."""
    s = start(T)
    return {
        "skip": schedules.skip(T, s),
        "middle_repeat": schedules.middle_repeat(T, s),
        "reverse": schedules.reverse(T, s),
        "parallel": schedules.parallel(T, s),
    }


@torch.no_grad()
def drift(
    model: PreTrainedModel, batches: Sequence[TokenBatch], edits: Mapping[str, Schedule]
) -> dict[str, Floats]:
    """Each edit's states beside the full model's at the same depth, first tokens left out.

    Returns:
        Edit -> passages x states x 3: mean cosine of the two states; mean variance over channels,
        of the edited and of the full model.
    """
    found: dict[str, list[Floats]] = {name: [] for name in edits}
    for batch in (each.to(model.device) for each in batches):
        full = trace(model, batch).inputs
        for name, schedule in edits.items():
            places = depths(schedule)
            prefixes = [
                Schedule(schedule.depth, schedule.steps[:count]) for count in range(1, len(places))
            ]
            states = [full[0], *(each for (each,) in sweep(model, prefixes, [batch], _state))]
            pairs = zip(states, (full[place] for place in places), strict=True)
            found[name].append(np.stack([_compared(*pair, batch) for pair in pairs], axis=1))
    return {name: np.concatenate(each) for name, each in found.items()}


def depths(schedule: Schedule) -> list[int]:
    """The full model's state beside each of the edited model's: from the start while both run the
    same layers, from the end for the rest."""
    T, count = schedule.depth, len(schedule.steps)
    same = next((i for i, step in enumerate(schedule.steps) if step != i), count)
    return [*range(same + 1), *range(T - count + same + 1, T + 1)]


def table(found: Mapping[str, Floats], edits: Mapping[str, Schedule]) -> pd.DataFrame:
    """A row an edit and state: its depth in the full model, cosine and ratio of variances."""
    rows = []
    for name, values in found.items():
        cosine, own, full = values.mean(axis=0).T
        columns = {"state": depths(edits[name]), "cosine": cosine, "variance_ratio": own / full}
        rows.append(pd.DataFrame({"variant": name, **columns}))
    return pd.concat(rows, ignore_index=True)


def measurements(found: Mapping[str, Floats], resamples: int, seed: int) -> dict[str, Estimate]:
    """Per edit, over the LAST states: the variance beside the full model's, and the cosine."""
    measured = {}
    for name, values in found.items():
        weights = block_weights(len(values), resamples, seed)
        cosine, own, full = np.moveaxis(values[:, -LAST:].mean(axis=1), -1, 0)
        measured[f"drift.{name}.variance_ratio"] = estimate((weights @ own) / (weights @ full))
        measured[f"drift.{name}.cosine"] = estimate(weights @ cosine / len(values))
    return measured


def _state(_: PreTrainedModel, hidden_BxLxD: torch.Tensor, __: TokenBatch) -> torch.Tensor:
    return hidden_BxLxD


def _compared(own: torch.Tensor, full: torch.Tensor, batch: TokenBatch) -> Floats:
    inner = batch.mask_BxL.clone()
    inner[:, 0] = 0
    cosine = torch.nn.functional.cosine_similarity(own.float(), full.float(), dim=-1)
    kinds = (cosine, *(each.float().var(dim=-1, correction=0) for each in (own, full)))
    return torch.stack([(each * inner).sum(dim=1) / inner.sum(dim=1) for each in kinds], -1).cpu()
