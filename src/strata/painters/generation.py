"""Paper C's GSM8K claims: generation with a faithful cache, the released one, and none.

A cache is faithful when one pass over prompt and continuation, without any cache, would have chosen
the same tokens: greedy decoding without a cache then is the same continuation.
"""

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM

from strata import schedules
from strata.execution import scheduled
from strata.execution.scheduled import KV
from strata.models import LoadedModel
from strata.painters.harness import harness_results
from strata.painters.scores import estimate
from strata.params import GenerationParams
from strata.records import Estimate
from strata.schedules import Schedule
from strata.statistics import HEADROOM, Floats

FILTERS = {"flexible-extract": "flexible", "strict-match": "strict"}
PARALLEL = ("parallel", "looped_parallel")
ORDERS = ("reverse", "random_order")


class Case(NamedTuple):
    """A variant with M affected layers and a kind of cache."""

    variant: str
    affected: int
    kv: KV
    schedule: Schedule

    @property
    def name(self) -> str:
        return f"{self.variant}.M{self.affected}.{self.kv}"


def cases(T: int, params: GenerationParams) -> list[Case]:
    """The full model, orders, and parallel variants with both caches.

    Raises:
        ScheduleError: a number of affected layers that a model of T layers cannot have.
    """
    made = [Case("full", 0, "per_visit", schedules.full(T))]
    for M in params.affected:
        s = schedules.start_for(T, M)
        made.append(Case("reverse", M, "per_visit", schedules.reverse(T, s)))
        shuffled = schedules.random_order(T, s, params.seed)
        made.append(Case("random_order", M, "per_visit", shuffled))
        for kv in ("per_visit", "averaged"):
            made.append(Case("parallel", M, kv, schedules.parallel(T, s)))
            made.append(Case("looped_parallel", M, kv, schedules.parallel(T, s, params.loops)))
    return made


class Continuation(NamedTuple):
    """Greedy tokens of one batch: sequences (B, P + N), mask (B, P), P the prompt's length.

    A row that ends early goes on with the padding token.
    """

    sequences: torch.Tensor
    mask: torch.Tensor
    padding: int

    @property
    def tokens(self) -> torch.Tensor:
        return self.sequences[:, self.mask.shape[1] :]

    @property
    def real(self) -> torch.Tensor:
        """1 where a token was generated, 0 from the row's end on: (B, N)."""
        return (self.tokens != self.padding).long().cumprod(dim=1)


class RecordingLM(HFLM):
    """The harness's model, keeping the tokens it generates."""

    def __init__(self, loaded: LoadedModel, batch_size: int) -> None:
        super().__init__(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=batch_size)
        self.continuations: list[Continuation] = []

    def _model_generate(self, context: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        sequences = super()._model_generate(context, *args, **kwargs)
        padding = self.tokenizer.pad_token_id
        self.continuations.append(Continuation(sequences, kwargs["attention_mask"], padding))
        return sequences


class Generated(NamedTuple):
    """One case: a row an item with its scores, tokens, and the share one pass would choose."""

    items: pd.DataFrame
    continuations: list[Continuation]
    one_pass: list[float]


def generate(
    loaded: LoadedModel, task: ConfigurableTask, case: Case, params: GenerationParams
) -> Generated:
    """Run the harness on a generative task under one case."""
    lm = RecordingLM(loaded, params.batch_size)
    with scheduled(loaded.model, case.schedule, case.kv):
        samples = harness_results({"gsm8k": task}, lm, params.items)["samples"]["gsm8k"]
        agreed = [share for each in lm.continuations for share in one_pass_agreement(lm, each)]
    rows = [
        {
            "case": case.name,
            "item": s["doc_id"],
            "score": FILTERS[s["filter"]],
            "correct": s["exact_match"],
        }
        for s in samples
    ]
    table = pd.DataFrame(rows).pivot(index=["case", "item"], columns="score", values="correct")
    return Generated(table.reset_index(), lm.continuations, agreed)


@torch.no_grad()
def one_pass_agreement(lm: HFLM, continuation: Continuation) -> list[float]:
    """For each row, the share of generated tokens that one pass without a cache would choose."""
    sequences, prompt = continuation.sequences, continuation.mask.shape[1]
    generated = torch.ones_like(continuation.tokens)
    mask = torch.cat([continuation.mask, generated], dim=1)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    logits = lm.model(
        input_ids=sequences, attention_mask=mask, position_ids=positions, use_cache=False
    ).logits
    chosen = logits[:, prompt - 1 : -1].argmax(dim=-1)
    return _share(chosen == continuation.tokens, continuation.real)


def agreement(first: Sequence[Continuation], second: Sequence[Continuation]) -> list[float]:
    """For each row, the share of places at which two continuations have the same token."""
    shares = []
    for one, two in zip(first, second, strict=True):
        length = min(one.tokens.shape[1], two.tokens.shape[1])
        same = one.tokens[:, :length] == two.tokens[:, :length]
        shares += _share(same, one.real[:, :length] | two.real[:, :length])
    return shares


def _share(same: torch.Tensor, counted: torch.Tensor) -> list[float]:
    """Of the counted places of each row, the share that is the same; 1 where none counts."""
    agreed, places = (same & counted.bool()).sum(dim=1), counted.sum(dim=1)
    return torch.where(places > 0, agreed / places.clamp(min=1), 1.0).double().tolist()


def measurements(
    items: pd.DataFrame,
    agreements: dict[str, list[float]],
    one_pass: dict[str, list[float]],
    params: GenerationParams,
) -> dict[str, dict[str, Estimate]]:
    """What the ledger judges, key -> subject: `model` has the faithful cache, `as_published` the
    released one. Everything is bootstrapped over items, the same resamples throughout.

    Args:
        agreements: variant.M -> share of tokens on which both caches agree, an item each;
        one_pass: case -> share of tokens that one pass would choose, an item each.
    """
    scores = items.pivot(index="case", columns="item", values="flexible")
    count = scores.shape[1]
    draws = np.random.default_rng(params.seed).multinomial(
        count, np.full(count, 1 / count), size=params.resamples
    )
    weights = np.concatenate([np.ones((1, count)), draws]).T / count
    accuracy = {name: row.to_numpy() @ weights for name, row in scores.iterrows()}
    full = np.maximum(accuracy["full.M0.per_visit"], HEADROOM)

    def kept(variant: str, kv: KV) -> Floats:
        names = [f"{variant}.M{M}.{kv}" for M in params.affected]
        return np.mean([accuracy[name] for name in names], axis=0) / full

    def mean(shares: dict[str, list[float]], wanted: str) -> Floats:
        chosen = [values for name, values in shares.items() if wanted in name]
        return np.mean(chosen, axis=0) @ weights

    judged = {
        "full_accuracy": {"model": estimate(accuracy["full.M0.per_visit"])},
        "orders_kept": {
            "model": estimate(np.mean([kept(each, "per_visit") for each in ORDERS], axis=0))
        },
        "one_pass": {
            "model": estimate(mean(one_pass, "per_visit")),
            "as_published": estimate(mean(one_pass, "averaged")),
        },
    }
    for variant in PARALLEL:
        judged[f"{variant}_kept"] = {
            "model": estimate(kept(variant, "per_visit")),
            "as_published": estimate(kept(variant, "averaged")),
        }
        judged[f"{variant}_agreement"] = {"model": estimate(mean(agreements, f"{variant}."))}
    return judged
