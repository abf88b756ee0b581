"""Next-token measures as a study: kinds of text, and resumable sums over them.

Kinds are the evaluation text, and benchmarks with their right answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from lm_eval.api.task import ConfigurableTask
from transformers import PreTrainedTokenizerBase

from strata.execution import Speed, sweep
from strata.models import LoadedModel, blocks, text_config
from strata.painters.cost import probe
from strata.painters.fidelity import MEASURES, Case, Reference, measured, readout, reference
from strata.painters.params import FidelityParams
from strata.params import Params
from strata.schedules import Schedule
from strata.statistics import Floats
from strata.tasks import load_task
from strata.text import TokenBatch, batches, read_passages
from strata.work import Work

TEXT = "evaluation_text"


def texts(settings: Params) -> dict[str, list[str]]:
    """Kind -> texts: passages in their order, and the first documents of each benchmark.

    Raises:
        TaskError, TextError: a benchmark or the evaluation text cannot be had.
    """
    section = settings.painters_fidelity
    found = {TEXT: read_passages(settings)[: section.passages]}
    for kind in section.kinds:
        task = load_task(kind, settings.benchmarks, settings.local)
        documents = list(task.eval_docs)[: section.texts]
        found[kind] = [answered(task, document) for document in documents]
    return found


def answered(task: ConfigurableTask, document: dict[str, Any]) -> str:
    """A benchmark's document as the harness asks it, and its right answer."""
    answer = task.doc_to_target(document)
    if isinstance(answer, int):
        answer = task.doc_to_choice(document)[answer]
    return f"{task.doc_to_text(document)}{task.config.target_delimiter}{answer}"


def tokenised(
    found: list[str], tokenizer: PreTrainedTokenizerBase, section: FidelityParams
) -> list[TokenBatch]:
    """Batches of texts, each after the BOS token where the tokenizer adds one."""
    made = batches(found, tokenizer, section.batch_size, section.max_tokens)
    begin = tokenizer("a")["input_ids"][0]
    return [_after(begin, batch) for batch in made] if begin == tokenizer.bos_token_id else made


def token_count(
    found: list[str], tokenizer: PreTrainedTokenizerBase, section: FidelityParams
) -> int:
    """Tokens that are read."""
    return sum(int(batch.mask_BxL.sum()) for batch in tokenised(found, tokenizer, section))


def speed_of_token(
    loaded: LoadedModel, found: list[str], section: FidelityParams, budget: float
) -> Speed:
    """Seconds a token, from at most a batch of the texts and about `budget` seconds."""

    @cache
    def compared(count: int) -> tuple[TokenBatch, Reference]:
        [batch] = tokenised(found[:count], loaded.tokenizer, section)
        return batch, reference(loaded.model, batch)

    def run(count: int, plan: list[Schedule]) -> None:
        batch, full = compared(count)
        sweep(loaded.model, plan, [batch], partial(readout, full=full), section.memory_gib)

    most = min(section.batch_size, len(found))
    count, of_batch = probe(run, len(blocks(loaded.model)), most, budget)
    read = token_count(found[:count], loaded.tokenizer, section)
    return Speed(*(each / read for each in of_batch))


def _after(begin: int, batch: TokenBatch) -> TokenBatch:
    first = torch.full_like(batch.ids_BxL[:, :1], begin)
    ids = torch.cat([first, batch.ids_BxL], dim=1)
    return TokenBatch(batch.rows, ids, torch.cat([torch.ones_like(first), batch.mask_BxL], dim=1))


def unigram(batches: list[TokenBatch], vocabulary: int) -> torch.Tensor:
    """Log-probabilities, by vocabulary, of a model that knows how often each token is scored.

    Counts are smoothed by one.
    """
    scored = torch.cat([batch.ids_BxL[:, 1:][batch.mask_BxL[:, 1:].bool()] for batch in batches])
    counts = torch.bincount(scored, minlength=vocabulary) + 1
    return (counts / counts.sum()).log()


class Sums(NamedTuple):
    """What was measured on P texts: sums (P, 1 + S, MEASURES), the unigram model first; tokens
    scored (P,)."""

    sums: Floats
    tokens: Floats


def collected(
    work: Work,
    subject: str,
    loaded: LoadedModel,
    made: Mapping[str, Sequence[Case]],
    found: Mapping[str, list[str]],
    section: FidelityParams,
) -> dict[str, Sums]:
    """Every case on every text of each kind, batch by batch; batches measured before are read.

    Args:
        made, found: by kind.
    """
    read = {kind: tokenised(found[kind], loaded.tokenizer, section) for kind in made}
    units = {}
    for kind, of_kind in read.items():
        log_q_V = unigram(of_kind, text_config(loaded.model).vocab_size)
        plan = [case.schedule for case in made[kind]]
        for number, batch in enumerate(of_kind):
            units[f"{subject}-{kind}-{number}"] = lambda batch=batch, plan=plan, log_q_V=log_q_V: (
                measured(loaded.model, plan, batch, log_q_V, section.memory_gib).tolist()
            )
    results = iter(work.every(units, subject))
    return {
        kind: _joined(of_kind, results, len(found[kind]), 1 + len(made[kind]))
        for kind, of_kind in read.items()
    }


def _joined(batches: list[TokenBatch], results: Iterator[Any], texts: int, rows: int) -> Sums:
    """The next results, one a batch, by text."""
    sums, tokens = np.zeros((texts, rows, len(MEASURES))), np.zeros(texts)
    for batch in batches:
        sums[batch.rows] = np.swapaxes(next(results), 0, 1)
        tokens[batch.rows] = batch.mask_BxL[:, 1:].sum(dim=1)
    return Sums(sums, tokens)
