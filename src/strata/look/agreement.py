"""How often a model on another schedule still holds the same token most likely."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel

from strata import schedules
from strata.execution import logits_at, sweep
from strata.painters import single_layer, variants
from strata.painters.params import VariantParams
from strata.schedules import Schedule
from strata.statistics import Floats, block_bootstrap
from strata.text import TokenBatch

POINTS = 6
Case = tuple[str, int, Schedule]


def affected(T: int) -> list[int]:
    """Up to POINTS numbers M of affected layers that T layers allow, evenly apart."""
    possible = [T - 1 - 2 * s for s in reversed(schedules.starts(T))]
    chosen = np.linspace(0, len(possible) - 1, min(POINTS, len(possible)))
    return [possible[round(place)] for place in chosen]


def cases(T: int, params: VariantParams) -> list[Case]:
    """What is changed, where (the layer, or M affected layers), and the schedule."""
    _, *singles = single_layer.cases(T).items()
    made = [(*name.split("."), schedule) for name, schedule in singles]
    return [(f"{change}_layer", int(layer), schedule) for change, layer, schedule in made] + [
        (name, M, schedule) for name, M, _, schedule in variants.cases(T, params)[1:]
    ]


def table(
    model: PreTrainedModel,
    batches: Sequence[TokenBatch],
    made: Sequence[Case],
    params: VariantParams,
) -> pd.DataFrame:
    """A row a change and place: share of tokens where the choice is the full model's, with its 95%
    interval over passages. Random orders are averaged.
    """
    plan = [schedules.full(made[0][2].depth), *(schedule for *_, schedule in made)]
    (full, *edited) = sweep(model, plan, batches, choices)
    tokens = _by_passage(batches, [batch.mask_BxL for batch in batches])
    agree = [
        _by_passage(batches, [(a == b) & (a >= 0) for a, b in zip(full, one, strict=True)])
        for one in edited
    ]
    names = pd.MultiIndex.from_tuples([(change, at) for change, at, _ in made])
    grouped = pd.DataFrame(agree, index=names).groupby(level=[0, 1], sort=False).mean()
    found = block_bootstrap(
        _share, grouped.to_numpy(), tokens[None], resamples=params.resamples, seed=params.seed
    )
    rows = {"agreement": found.value, "low": found.low, "high": found.high}
    change, at = zip(*grouped.index, strict=True)
    return pd.DataFrame({"change": change, "at": at, **rows})


@torch.no_grad()
def choices(model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: TokenBatch) -> torch.Tensor:
    """The most likely next token at each position of a batch, -1 at padding: BxL, on the CPU."""
    asked_BxL = batch.mask_BxL.bool()
    found_BxL = torch.full_like(batch.ids_BxL, -1)
    pieces = logits_at(model, hidden_BxLxD, batch, asked_BxL)
    found_BxL[asked_BxL] = torch.cat([logits.argmax(dim=-1) for logits in pieces])
    return found_BxL.cpu()


def _by_passage(batches: Sequence[TokenBatch], counted: Sequence[torch.Tensor]) -> Floats:
    """Sums over the positions of each of n passages, in their order: (n,)."""
    sums = np.zeros(sum(len(batch.rows) for batch in batches))
    for batch, each_BxL in zip(batches, counted, strict=True):
        sums[batch.rows] = each_BxL.sum(dim=1)
    return sums


def _share(agree: Floats, tokens: Floats, axis: int) -> Floats:
    return agree.sum(axis=axis) / tokens.sum(axis=axis)
