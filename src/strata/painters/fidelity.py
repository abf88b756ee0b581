"""How close an edited model stays to the full one, token by token: finer than accuracy on items.

At every token but a text's first: the negative log-likelihood of the token (NLL, nats), whether
both models hold the same token most likely (Lad et al., arXiv 2406.19384), and KL(full || edited).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel

from strata import schedules
from strata.execution import logits_at, sweep
from strata.models import blocks
from strata.painters import single_layer, variants
from strata.painters.catalogue import APPENDIX, PASSES
from strata.painters.params import FidelityParams
from strata.schedules import Schedule
from strata.text import TokenBatch

MEASURES = ("nll", "agreement", "kl")
ROWS = 16


class Case(NamedTuple):
    """An edit. at: affected layers M, or the layer of `skip_layer` and `swap_layer`; loops: passes
    through a parallel block in `passes`, else 1."""

    variant: str
    at: int
    loops: int
    schedule: Schedule


def cases(T: int, params: FidelityParams) -> list[Case]:
    """The full model, every variant, every number of passes, the appendix's, and single layers.

    Raises:
        ScheduleError: a number of affected layers that a model of T layers cannot have.
    """
    made = [Case(name, M, 1, schedule) for name, M, _, schedule in variants.cases(T, params)]
    for M in params.affected:
        s = schedules.start_for(T, M)
        made += [
            Case(PASSES, M, loops, schedules.parallel(T, s, loops))
            for loops in range(1, params.most_loops + 1)
        ]
        made += [Case(name, M, 1, make(T, s)) for name, make in APPENDIX.items()]
    _, *singles = single_layer.cases(T).items()
    for name, schedule in singles:
        change, layer = name.split(".")
        made.append(Case(f"{change}_layer", int(layer), 1, schedule))
    return made


class Reference(NamedTuple):
    """A model's prediction at N scored tokens: probabilities, the choice, and the entropy."""

    p_NxV: torch.Tensor
    choice_N: torch.Tensor
    entropy_N: torch.Tensor


def measured(
    model: PreTrainedModel,
    plan: Sequence[Schedule],
    batch: TokenBatch,
    log_q_V: torch.Tensor,
    memory_gib: float,
) -> torch.Tensor:
    """Sums over each text of a batch: 1 + S, B, MEASURES; float64, on the CPU.

    The first row is a model that predicts `log_q_V` everywhere, then come the schedules. All are
    compared with the unedited model.
    """
    full = reference(model, batch)
    log_q_RxV = log_q_V.to(model.device).expand(ROWS, -1)
    everywhere = [log_q_RxV[: len(each)] for each in full.choice_N.split(ROWS)]
    unigram = _sums(everywhere, batch.to(model.device), full)
    distinct = list(dict.fromkeys(plan))
    rows = sweep(model, distinct, [batch], partial(readout, full=full), memory_gib)
    by_schedule = dict(zip(distinct, (row[0] for row in rows), strict=True))
    return torch.stack([unigram, *(by_schedule[each] for each in plan)])


def reference(model: PreTrainedModel, batch: TokenBatch) -> Reference:
    """What the unedited model predicts of a batch."""
    unedited = [schedules.full(len(blocks(model)))]
    [[full]] = sweep(model, unedited, [batch], _reference)
    return full


def readout(
    model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: TokenBatch, full: Reference
) -> torch.Tensor:
    """Sums over each text: B x MEASURES."""
    return _sums(_logits(model, hidden_BxLxD, batch), batch, full)


def _reference(model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: TokenBatch) -> Reference:
    parts = []
    for logits in _logits(model, hidden_BxLxD, batch):
        p = logits.softmax(dim=-1)
        entropy = logits.logsumexp(dim=-1) - (p * logits).sum(dim=-1)
        parts.append((p, logits.argmax(dim=-1), entropy))
    return Reference(*map(torch.cat, zip(*parts, strict=True)))


def _sums(pieces: Iterable[torch.Tensor], batch: TokenBatch, full: Reference) -> torch.Tensor:
    scored_BxL = batch.mask_BxL[:, 1:].bool()
    targets = batch.ids_BxL[:, 1:][scored_BxL].split(ROWS)
    reference = zip(*(each.split(ROWS) for each in full), strict=True)
    found = []
    for logits, target, (p, choice, entropy) in zip(pieces, targets, reference, strict=True):
        norm = logits.logsumexp(dim=-1)
        nll = norm - logits.gather(1, target[:, None])[:, 0]
        agrees = (logits.argmax(dim=-1) == choice).float()
        kl = norm - (p * logits).sum(dim=-1) - entropy
        found.append(torch.stack([nll, agrees, kl], dim=-1))
    by_token = torch.zeros(*scored_BxL.shape, len(MEASURES), dtype=torch.float64)
    by_token[scored_BxL.cpu()] = torch.cat(found).double().cpu()
    return by_token.sum(dim=1)


def _logits(
    model: PreTrainedModel, hidden_BxLxD: torch.Tensor, batch: TokenBatch
) -> Iterator[torch.Tensor]:
    """At scored positions, in pieces of ROWS x V that stay in a processor's cache."""
    asked_BxL = nn.functional.pad(batch.mask_BxL[:, 1:].bool(), (0, 1))
    for logits in logits_at(model, hidden_BxLxD, batch, asked_BxL):
        yield from logits.split(ROWS)
