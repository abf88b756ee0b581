"""The evaluation harness as judge of many schedules: one sweep answers its requests for all.

Prompts, tokens, scores and standard errors are the harness's; only the log-likelihoods come from
`strata.execution.sweep` instead of one forward pass a schedule.
"""

import contextlib
import io
import logging
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
import torch
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from torch import nn
from transformers import PreTrainedModel

from strata.execution import sweep
from strata.models import LoadedModel, final_norm, head
from strata.schedules import Schedule
from strata.tasks.benchmarks import FEWSHOT_SEED

HEAD_ROWS = 512
logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it warns of every model passed as an object
Request = tuple[tuple[str, str], list[int], list[int]]
Answer = tuple[float, bool]


class RequestBatch(NamedTuple):
    """B requests, right-padded to L tokens: the last of each row's tokens are asked for.

    rows: positions of the requests; asked_BxL: 1 where the next token is part of the answer;
    targets_BxL: that next token.
    """

    rows: list[int]
    ids_BxL: torch.Tensor
    mask_BxL: torch.Tensor
    asked_BxL: torch.Tensor
    targets_BxL: torch.Tensor

    def to(self, device: torch.device) -> "RequestBatch":
        return RequestBatch(self.rows, *(tensor.to(device) for tensor in self[1:]))


class SweepLM(HFLM):
    """A harness model that runs as any of `schedules`; `current` says as which."""

    def __init__(
        self,
        loaded: LoadedModel,
        schedules: Sequence[Schedule],
        batch_size: int,
        memory_gib: float = 2.0,
    ) -> None:
        super().__init__(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=batch_size)
        self.schedules, self.memory_gib, self.current = list(schedules), memory_gib, 0
        self._answers: dict[tuple[tuple[int, ...], tuple[int, ...]], list[Answer]] = {}

    def _loglikelihood_tokens(self, requests: list[Request], **_: Any) -> list[Answer]:
        keys = [(tuple(context), tuple(asked)) for _, context, asked in requests]
        new = list(dict.fromkeys(key for key in keys if key not in self._answers))
        if new:
            self._sweep(new)
        return [self._answers[key][self.current] for key in keys]

    def _sweep(self, keys: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
        order = sorted(keys, key=lambda key: len(key[0]) + len(key[1]))
        size = int(self.batch_size)
        batches = [
            _batch(list(range(start, min(start + size, len(order)))), order, self.max_length)
            for start in range(0, len(order), size)
        ]
        with contextlib.redirect_stderr(sys.__stderr__):  # this bar is worth seeing
            swept = sweep(self.model, self.schedules, batches, log_likelihoods, self.memory_gib)
        self._answers.update({key: [] for key in order})
        for results in swept:
            for batch, answers in zip(batches, results, strict=True):
                for row, answer in zip(batch.rows, answers, strict=True):
                    self._answers[order[row]].append(answer)


def log_likelihoods(
    model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: RequestBatch
) -> list[Answer]:
    """For each request: summed log-likelihood of the answer in nats, and is it the greedy one."""
    asked_BxL = batch.asked_BxL.bool()
    normed_NxD = final_norm(model)(hidden_BxLxD[asked_BxL])
    targets_N = batch.targets_BxL[asked_BxL]
    log_p = torch.zeros(asked_BxL.shape, dtype=torch.float64, device=hidden_BxLxD.device)
    greedy = torch.ones_like(asked_BxL)
    losses, best = [], []
    for rows, targets in zip(normed_NxD.split(HEAD_ROWS), targets_N.split(HEAD_ROWS), strict=True):
        logits = head(model)(rows).float()
        losses.append(nn.functional.cross_entropy(logits, targets, reduction="none"))
        best.append(logits.argmax(dim=-1) == targets)
    log_p[asked_BxL] = -torch.cat(losses).double()
    greedy[asked_BxL] = torch.cat(best)
    return list(zip(log_p.sum(dim=1).tolist(), greedy.all(dim=1).tolist(), strict=True))


def per_item(
    tasks: dict[str, ConfigurableTask], lm: SweepLM, names: Sequence[str], items: int
) -> pd.DataFrame:
    """Every item's metrics under every schedule: schedule, task, item, acc, acc_norm...

    LAMBADA's `perplexity` of one item is its log-likelihood in nats, as the harness has it.

    Args:
        names: one a schedule of `lm`; items: at most so many of each task.
    """
    rows = []
    for lm.current, name in enumerate(names):
        for task, samples in harness_results(tasks, lm, items)["samples"].items():
            rows += [
                {"schedule": name, "task": task, "item": sample["doc_id"]}
                | {metric: float(sample[metric]) for metric in sample["metrics"]}
                for sample in samples
            ]
    return pd.DataFrame(rows)


def harness_results(tasks: dict[str, ConfigurableTask], lm: HFLM, items: int) -> dict[str, Any]:
    """What the harness's own `evaluate` returns, per-item samples included, without its bars.

    Examples shown are the same at every call.
    """
    for task in tasks.values():
        task.set_fewshot_seed(FEWSHOT_SEED)
    with contextlib.redirect_stderr(io.StringIO()):
        return evaluate(lm, {"tasks": tasks}, limit=items, bootstrap_iters=0, log_samples=True)


def _batch(
    rows: list[int], keys: list[tuple[tuple[int, ...], tuple[int, ...]]], max_length: int
) -> RequestBatch:
    """Requests as the harness feeds them: cut on the left, without the very last token."""
    tokens = [(keys[row][0] + keys[row][1])[-(max_length + 1) :] for row in rows]
    shape = (len(rows), max(map(len, tokens)) - 1)
    ids, mask, asked, targets = (torch.zeros(shape, dtype=torch.long) for _ in range(4))
    for place, (row, sequence) in enumerate(zip(rows, tokens, strict=True)):
        length = len(sequence) - 1
        ids[place, :length] = torch.tensor(sequence[:-1])
        targets[place, :length] = torch.tensor(sequence[1:])
        mask[place, :length] = 1
        asked[place, length - len(keys[row][1]) : length] = 1
    return RequestBatch(rows, ids, mask, asked, targets)
