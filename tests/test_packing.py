"""Answers that share a context in one row score as each does alone."""

import pytest
import torch
from conftest import FAMILIES, SHAPE, tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from strata import schedules
from strata.execution import scheduled, sweep
from strata.models import blocks
from strata.painters.harness import log_likelihoods, shares_contexts
from strata.painters.packing import Request, packed

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
    requests = [
        Request((5, 6, 7, 8), (9, 10)),
        Request((5, 6, 7, 8), (11,)),
        Request((1,), (2, 3)),
        Request(LONG, (4, 5)),
        Request((5, 6, 7, 8), (9, 10, 12)),
    ]
    assert shares_contexts(model, requests, MAX_LENGTH)
    made = [schedules.full(6), schedules.reverse(6, 1), schedules.parallel(6, 0, loops=2)]
    for own, schedule in zip(answers(model, requests, True, made=made), made, strict=True):
        for request, (found, greedy) in zip(requests, own, strict=True):
            tokens = torch.tensor([(request.context + request.answer)[-MAX_LENGTH - 1 :]])
            with scheduled(model, schedule):
                logits = model(input_ids=tokens[:, :-1], use_cache=False).logits[0].double()
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


@pytest.mark.parametrize(
    ("context", "shared"), [((5, 6, 7), True), (tuple(range(5, 17)), False)], ids=["short", "long"]
)
def test_rows_are_shared_only_where_the_window_does_not_matter(context, shared, capfd):
    """The window holds 8 tokens."""
    requests = [Request(context, (9, 10)), Request(context, (11,))]
    assert shares_contexts(tiny("mistral"), requests, MAX_LENGTH) is shared
    assert ("answers do not share rows" in capfd.readouterr().err) is not shared
