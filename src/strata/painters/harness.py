"""The evaluation harness as judge of many schedules: one sweep answers its requests for all.

Prompts, tokens, scores and standard errors are the harness's; only the log-likelihoods come from
`strata.execution.sweep` instead of one forward pass a schedule, and the choices of a question share
one pass over the question.
"""

import contextlib
import io
import sys
from collections.abc import Sequence
from numbers import Real
from typing import Any

import pandas as pd
import torch
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM
from torch import nn
from transformers import PreTrainedModel

from strata.execution import HEAD_ROWS, logits_at, sweep, tolerance
from strata.models import LoadedModel, ModelError, blocks
from strata.painters.packing import Request, RequestBatch, longest_row, packed
from strata.schedules import Schedule, full
from strata.tasks import TaskError, guess
from strata.tasks.benchmarks import FEWSHOT_SEED

Answer = tuple[float, bool]


class PromptedLM(HFLM):
    """The harness's model, with the BOS token where `Prompted.bos` says."""

    def __init__(self, loaded: LoadedModel, batch_size: int, bos: str) -> None:
        tokenizer = loaded.tokenizer
        super().__init__(
            pretrained=loaded.model,
            tokenizer=tokenizer,
            batch_size=batch_size,
            add_bos_token=None if bos == "tokenizer" else False,
        )
        if bos == "always" and tokenizer.bos_token is None:
            raise ModelError(f"{loaded.provenance['name']}: its tokenizer has no BOS token to add")
        if bos == "never" and tokenizer.bos_token_id in tokenizer("a")["input_ids"]:
            _say(
                f"{loaded.provenance['name']}: its tokenizer adds a BOS token and bos is never, as "
                f"released; a model trained with one (Gemma) may answer by chance without it"
            )
        self._before = tokenizer.bos_token if bos == "always" else ""

    def tok_encode(self, string: str, *args: Any, **kwargs: Any) -> list[int]:
        part = kwargs.get("add_special_tokens") is False
        return super().tok_encode(string if part else self._before + string, *args, **kwargs)

    def tok_batch_encode(self, strings: list[str], **kwargs: Any) -> Any:
        return super().tok_batch_encode([self._before + each for each in strings], **kwargs)


class SweepLM(PromptedLM):
    """A harness model that runs as any of `schedules`; `current` says as which."""

    def __init__(
        self,
        loaded: LoadedModel,
        schedules: Sequence[Schedule],
        batch_size: int,
        memory_gib: float = 2.0,
        bos: str = "never",
    ) -> None:
        super().__init__(loaded, batch_size, bos)
        self.schedules, self.memory_gib, self.current = list(schedules), memory_gib, 0
        self._answers: dict[Request, list[Answer]] = {}

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **_: Any
    ) -> list[Answer]:
        for (_, text), _, asked in requests:
            if not 0 < len(asked) <= self.max_length:
                raise TaskError(
                    f"the answer {text[:40]!r} has {len(asked)} tokens, expected 1 to "
                    f"{self.max_length}, what the model takes; leave its item out"
                )
        keys = [Request(tuple(context), tuple(asked)) for _, context, asked in requests]
        new = list(dict.fromkeys(key for key in keys if key not in self._answers))
        if new:
            self._sweep(new)
        return [self._answers[key][self.current] for key in keys]

    def _sweep(self, requests: list[Request]) -> None:
        together = shares_contexts(self.model, requests, self.max_length)
        batches = packed(requests, self.batch_size, self.max_length, together)
        with contextlib.redirect_stderr(sys.__stderr__):  # this bar is worth seeing
            swept = sweep(self.model, self.schedules, batches, log_likelihoods, self.memory_gib)
        self._answers.update({request: [] for request in requests})
        for results in swept:
            for batch, answers in zip(batches, results, strict=True):
                for place, answer in zip(batch.requests, answers, strict=True):
                    self._answers[requests[place]].append(answer)


def shares_contexts(model: PreTrainedModel, requests: Sequence[Request], max_length: int) -> bool:
    """Whether answers to one context may share a row: tried on the longest row, against each alone.

    Layers that attend in windows, recurrent layers, and those that count positions by themselves
    do not honour the mask of a shared row.
    """
    longest = longest_row(requests, max_length)
    if len(longest) < 2:
        return False
    try:
        found = [_alone(model, longest, max_length, together) for together in (True, False)]
    except Exception as error:  # whatever an unknown model does with a mask it does not expect
        _say(f"{type(model).__name__}: answers do not share rows ({type(error).__name__})")
        return False
    apart = max(abs(one - other) for one, other in zip(*found, strict=True))
    allowed = tolerance(model.dtype) * (1 + max(map(abs, found[1])))
    if not apart <= allowed:
        _say(f"{type(model).__name__}: answers do not share rows, they would differ by {apart:.2g}")
    return apart <= allowed


def _alone(
    model: PreTrainedModel, requests: Sequence[Request], max_length: int, together: bool
) -> list[float]:
    """Log-likelihoods of requests under the full schedule, in nats."""
    batches = packed(requests, len(requests), max_length, together)
    [[answers]] = sweep(model, [full(len(blocks(model)))], batches, log_likelihoods)
    places = batches[0].requests
    return [answers[places.index(place)][0] for place in range(len(requests))]


def log_likelihoods(
    model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: RequestBatch
) -> list[Answer]:
    """For each request: summed log-likelihood of the answer in nats, and is it the greedy one."""
    asked_BxL = batch.owner_BxL >= 0
    targets_N = batch.targets_BxL[asked_BxL]
    losses, best = [], []
    for logits, targets in zip(
        logits_at(model, hidden_BxLxD, batch, asked_BxL), targets_N.split(HEAD_ROWS), strict=True
    ):
        losses.append(nn.functional.cross_entropy(logits, targets, reduction="none"))
        best.append(logits.argmax(dim=-1) == targets)
    owner_N = batch.owner_BxL[asked_BxL].cpu()
    count = len(batch.requests)
    log_p = torch.zeros(count, dtype=torch.float64)
    log_p.index_add_(0, owner_N, -torch.cat(losses).double().cpu())
    missed = torch.bincount(owner_N[~torch.cat(best).cpu()], minlength=count)
    return list(zip(log_p.tolist(), (missed == 0).tolist(), strict=True))


def per_item(
    tasks: dict[str, ConfigurableTask], lm: SweepLM, names: Sequence[str], documents: range
) -> pd.DataFrame:
    """Every item's metrics under every schedule: schedule, task, item, guess, acc, acc_norm...

    guess: the accuracy of guessing. LAMBADA's `perplexity` of one item is its log-likelihood in
    nats, as the harness has it. Metrics that an item alone does not have (f1) are left out.

    Args:
        names: one a schedule of `lm`; documents: of each task, as far as it has them.
    """
    rows = []
    for lm.current, name in enumerate(names):
        for task, samples in harness_results(tasks, lm, documents)["samples"].items():
            rows += [
                {"schedule": name, "task": task, "item": sample["doc_id"]}
                | {"guess": guess(task, tasks[task], sample["doc"])}
                | {
                    metric: float(sample[metric])
                    for metric in sample["metrics"]
                    if isinstance(sample[metric], Real)
                }
                for sample in samples
            ]
    return pd.DataFrame(rows)


def harness_results(
    tasks: dict[str, ConfigurableTask], lm: HFLM, documents: range
) -> dict[str, Any]:
    """What the harness's own `evaluate` returns, per-item samples included, without its bars.

    Examples shown are the same at every call.
    """
    for task in tasks.values():
        task.set_fewshot_seed(FEWSHOT_SEED)
    chosen = {
        name: [i for i in documents if i < len(task.eval_docs)] for name, task in tasks.items()
    }
    with contextlib.redirect_stderr(io.StringIO()):
        return evaluate(lm, {"tasks": tasks}, samples=chosen, bootstrap_iters=0, log_samples=True)


def _say(line: str) -> None:
    print(line, file=sys.__stderr__, flush=True)
