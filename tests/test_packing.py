"""Answers that share a context in one row score as each does alone."""

import pytest
import torch
from conftest import FAMILIES, SHAPE, tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from strata import schedules
from strata.execution import sweep
from strata.models import blocks, final_norm
from strata.painters.harness import log_likelihoods
from strata.painters.packing import Request, packed, shares_contexts

MAX_LENGTH = 20
TOKENS = st.lists(st.integers(0, SHAPE["vocab_size"] - 1), min_size=1, max_size=6).map(tuple)
LONG = tuple(range(30))


def answers(model, requests, together, batch_size=3, made=None):
    """[schedule][request] -> (log-likelihood, greedy)."""
    made = made or [schedules.full(len(blocks(model)))]
    batches = packed(requests, batch_size, MAX_LENGTH, together)
    found = [[None] * len(requests) for _ in made]
    for own, results in zip(found, sweep(model, made, batches, log_likelihoods), strict=True):
        for batch, result in zip(batches, results, strict=True):
            for place, answer in zip(batch.requests, result, strict=True):
                own[place] = answer
    return found


@settings(max_examples=20, deadline=None)
@given(contexts=st.lists(TOKENS, min_size=1, max_size=3), asked=st.lists(TOKENS, min_size=3))
def test_shared_context_changes_no_answer(contexts, asked):
    model = tiny("llama")
    requests = [Request(contexts[i % len(contexts)], each) for i, each in enumerate(asked)]
    for (one, _), (other, _) in zip(
        answers(model, requests, True)[0], answers(model, requests, False)[0], strict=True
    ):
        assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "mistral"])
def test_every_family_and_schedule_answers_as_one_request_alone(family):
    model = tiny(family)
    assert shares_contexts(model.config)
    requests = [
        Request((5, 6, 7, 8), (9, 10)),
        Request((5, 6, 7, 8), (11,)),
        Request((1,), (2, 3)),
        Request(LONG, (4, 5)),
        Request((5, 6, 7, 8), (9, 10, 12)),
    ]
    made = [schedules.full(6), schedules.reverse(6, 1), schedules.parallel(6, 0, loops=2)]
    for own, schedule in zip(answers(model, requests, True, made=made), made, strict=True):
        for request, (found, greedy) in zip(requests, own, strict=True):
            tokens = torch.tensor([(request.context + request.answer)[-MAX_LENGTH - 1 :]])
            [[hidden]] = sweep(model, [schedule], [Plain(tokens[:, :-1])], lambda _, h, __: h)
            logits = model.get_output_embeddings()(final_norm(model)(hidden))[0].double()
            asked = torch.tensor(request.answer)
            last = logits[-len(asked) :].log_softmax(-1)
            assert found == pytest.approx(last[range(len(asked)), asked].sum().item(), abs=1e-4)
            assert greedy == bool((last.argmax(-1) == asked).all())


def test_rows_hold_what_shares_a_context_and_no_request_is_lost():
    requests = [Request((1, 2), (3,)), Request((7, 8), (9,)), Request((1, 2), (4, 5))]
    [batch] = packed(requests, 8, MAX_LENGTH, together=True)
    assert sorted(batch.requests) == [0, 1, 2] and batch.ids_BxL.shape == (2, 4)
    alone = packed(requests, 2, MAX_LENGTH, together=False)
    assert [len(each.requests) for each in alone] == [2, 1]
    assert all(each.visible_Bx1xLxL is None for each in alone)


def test_models_that_attend_in_windows_are_left_alone():
    assert not shares_contexts(tiny("mistral").config)


class Plain:
    """Tokens without padding."""

    def __init__(self, ids):
        self.ids_BxL, self.mask_BxL = ids, torch.ones_like(ids)

    def to(self, device):
        return self
