"""Paper C's GSM8K claims: generation with a faithful cache, the released one, and none.

A cache is faithful when one pass over prompt and continuation, without any cache, would have chosen
the same tokens: greedy decoding without a cache then is the same continuation.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM

from strata import schedules
from strata.evidence import AS_PUBLISHED, MODEL, Measurements
from strata.execution import scheduled
from strata.execution.scheduled import KV
from strata.models import LoadedModel
from strata.painters.harness import PromptedLM, harness_results
from strata.painters.params import GenerationParams
from strata.painters.scores import accuracies, curve_table, expanded, informative
from strata.painters.variants import ORDERS, SEMANTIC
from strata.params import ParamsError
from strata.schedules import Schedule
from strata.statistics import (
    HEADROOM,
    Floats,
    estimate,
    normalised,
    proportion_ratio,
    resampling_weights,
)
from strata.tasks import BENCHMARKS

FILTERS = {"flexible-extract": "flexible", "strict-match": "strict"}
PARALLEL = ("parallel", "looped_parallel")
CACHES: dict[str, KV] = {MODEL: "per_visit", AS_PUBLISHED: "averaged"}  # subject -> kind of cache


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


class RecordingLM(PromptedLM):
    """The harness's model, keeping the tokens it generates."""

    def __init__(self, loaded: LoadedModel, batch_size: int, bos: str) -> None:
        super().__init__(loaded, batch_size, bos)
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
    lm = RecordingLM(loaded, params.batch_size, params.bos)
    with scheduled(loaded.model, case.schedule, case.kv):
        samples = harness_results({"gsm8k": task}, lm, range(params.items))["samples"]["gsm8k"]
        agreed = [share for each in lm.continuations for share in one_pass_agreement(lm, each)]
    table = pd.DataFrame(samples).assign(case=case.name).rename(columns={"doc_id": "item"})
    table = table.pivot(index=["case", "item"], columns="filter", values="exact_match")
    return Generated(table.rename(columns=FILTERS).reset_index(), lm.continuations, agreed)


@torch.no_grad()
def one_pass_agreement(lm: HFLM, continuation: Continuation) -> list[float]:
    """For each row, the share of generated tokens that one pass without a cache would choose."""
    sequences, prompt = continuation.sequences, continuation.mask.shape[1]
    generated = torch.ones_like(continuation.tokens)
    mask = torch.cat([continuation.mask, generated], dim=1)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    logits = lm.model(
        input_ids=sequences,
        attention_mask=mask,
        position_ids=positions,
        use_cache=False,
        logits_to_keep=sequences.shape[1] - prompt + 1,
    ).logits
    chosen = logits[:, :-1].argmax(dim=-1)
    return _share(chosen == continuation.tokens, continuation.real)


def agreement(first: Sequence[Continuation], second: Sequence[Continuation]) -> list[float]:
    """For each row, the share of places at which two continuations have the same token."""
    shares = []
    for one, two in zip(first, second, strict=True):
        length = min(one.tokens.shape[1], two.tokens.shape[1])
        same = one.tokens[:, :length] == two.tokens[:, :length]
        shares += _share(same, one.real[:, :length] | two.real[:, :length])
    return shares


def case_table(
    items: pd.DataFrame,
    made: Sequence[Case],
    one_pass: dict[str, list[float]],
    agreements: dict[str, list[float]],
    params: GenerationParams,
) -> pd.DataFrame:
    """One row a case: accuracy (flexible, with interval, and strict), the share of tokens that one
    pass would choose, and the share on which both caches agree."""
    names = [case.name for case in made]
    renamed = items.rename(columns={"case": "schedule"}).assign(task="gsm8k")
    flexible, strict = (
        accuracies(renamed, names, params.resamples, params.seed, metric)[1][0]
        for metric in ("flexible", "strict")
    )
    table = curve_table(
        flexible,
        variant=[case.variant for case in made],
        affected=[case.affected for case in made],
        kv=[case.kv for case in made],
        strict=strict[:, 0],
        one_pass=[np.mean(one_pass[name]) for name in names],
    )
    keys = (table["variant"] + ".M" + table["affected"].astype(str)).tolist()
    agreed = {key: np.mean(shares) for key, shares in agreements.items()}
    table["caches_agree"] = [agreed.get(key, np.nan) for key in keys]
    return table


def _share(same: torch.Tensor, counted: torch.Tensor) -> list[float]:
    """Of the counted places of each row, the share that is the same; 1 where none counts."""
    agreed, places = (same & counted.bool()).sum(dim=1), counted.sum(dim=1)
    return torch.where(places > 0, agreed / places.clamp(min=1), 1.0).double().tolist()


def check_measured(variant_items: pd.DataFrame, params: GenerationParams) -> None:
    """Semantic tasks and maths are compared at the same numbers of affected layers.

    Args:
        variant_items: variants_items.csv.

    Raises:
        ParamsError: the variants were not measured at one of `affected`.
    """
    orders = variant_items.columns.str.extract(rf"^acc:(?:{'|'.join(ORDERS)})\.M(\d+)\.")[0]
    measured = set(orders.dropna().astype(int))
    if missing := [M for M in params.affected if M not in measured]:
        raise ParamsError(
            f"painters_generation.affected: {missing} not measured by 32_painters_variants.py, "
            f"expected some of {sorted(measured)}; set one or the other"
        )


def semantic_kept(variant_items: pd.DataFrame, params: GenerationParams) -> Floats:
    """Score of the semantic tasks under the order variants: (1 + B,), resampled apart from maths.

    Args:
        variant_items: variants_items.csv.
    """
    own = variant_items[variant_items["task"].isin(SEMANTIC)]
    long = own.melt(["task", "item"], var_name="schedule", value_name="acc")
    long = long[long["schedule"].str.startswith("acc:")]
    long["schedule"] = long["schedule"].str.removeprefix("acc:")
    names = list(long["schedule"].unique())
    wanted = {f"{variant}.M{M}" for variant in ORDERS for M in params.affected}
    _, accuracy = accuracies(long, names, params.resamples, params.seed + 1)
    full = accuracy[:, [names.index("full.M0.0")]]
    guess = {task: BENCHMARKS[task].guess for task in long["task"].unique()}
    score = normalised(accuracy, expanded(guess, accuracy), full)[informative(guess, full)]
    of_variant: dict[str, list[Floats]] = {}
    for i, name in enumerate(names):
        if (variant := name.rpartition(".")[0]) in wanted:
            of_variant.setdefault(variant, []).append(score[:, i])
    return np.mean([np.mean(each, axis=(0, 1)) for each in of_variant.values()], axis=0)


def measurements(
    items: pd.DataFrame,
    agreements: dict[str, list[float]],
    one_pass: dict[str, list[float]],
    semantic: Floats,
    params: GenerationParams,
) -> Measurements:
    """What the ledger judges, key -> subject: `model` has the faithful cache, `as_published` the
    released one. The accuracy kept by parallel layers, which may be none, has the interval of
    `proportion_ratio`; the rest is bootstrapped over items, the same resamples throughout.

    Args:
        agreements: variant.M -> share of tokens on which both caches agree, an item each;
        one_pass: case -> share of tokens that one pass would choose, an item each;
        semantic: score of the semantic tasks under the order variants, from `semantic_kept`.
    """
    scores = items.pivot(index="case", columns="item", values="flexible")
    count = scores.shape[1]
    weights = resampling_weights(count, params.resamples, params.seed).T / count
    accuracy = {name: row.to_numpy() @ weights for name, row in scores.iterrows()}
    full = np.maximum(accuracy["full.M0.per_visit"], HEADROOM)

    def right(variant: str, kv: KV) -> Floats:
        names = [f"{variant}.M{M}.{kv}" for M in params.affected]
        return np.mean([accuracy[name] for name in names], axis=0)

    def mean(shares: dict[str, list[float]], part: str) -> Floats:
        chosen = [values for name, values in shares.items() if part in name.split(".")]
        return np.mean(chosen, axis=0) @ weights

    orders_kept = np.mean([right(each, "per_visit") for each in ORDERS], axis=0) / full
    measured = {
        "full_accuracy": {"model": estimate(accuracy["full.M0.per_visit"])},
        "orders_kept": {"model": estimate(orders_kept)},
        "semantic_minus_maths": {"model": estimate(semantic - orders_kept)},
        "parallel_minus_orders": {
            subject: estimate(right("parallel", kv) / full - orders_kept)
            for subject, kv in CACHES.items()
        },
        "one_pass": {subject: estimate(mean(one_pass, kv)) for subject, kv in CACHES.items()},
    }
    for variant in PARALLEL:
        measured[f"{variant}_kept"] = {
            subject: proportion_ratio(right(variant, kv)[0], full[0], count)
            for subject, kv in CACHES.items()
        }
        measured[f"{variant}_agreement"] = {"model": estimate(mean(agreements, variant))}
    return measured
