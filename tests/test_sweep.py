"""The sweep against one schedule at a time, and what it spends."""

import weakref

import pytest
import torch

from strata import schedules
from strata.execution import passage_nll, scheduled, sweep
from strata.models import blocks
from strata.schedules import ScheduleError

T = 6
MANY = [
    schedules.full(T),
    *(
        variant(T, s)
        for s in schedules.starts(T)
        for variant in (
            schedules.skip,
            schedules.middle_repeat,
            schedules.reverse,
            schedules.parallel,
        )
    ),
    *schedules.random_orders(T, 0, 5, seed=0),
    *(schedules.parallel(T, 1, loops) for loops in (2, 5)),
    *(schedules.swap_layers(T, i) for i in range(T - 1)),
    *(schedules.skip_layer(T, i) for i in range(T)),
]


def hidden_states(_, hidden, batch):
    return hidden[batch.mask_BxL.bool()]


def calls(model, batch):
    """How often each block is called, counted by hooks once the model is known."""
    sweep(model, [schedules.full(T)], [batch], hidden_states)
    seen = []
    for i, layer in enumerate(blocks(model)):
        layer.register_forward_hook(lambda *_, i=i: seen.append(i))
    return seen


def test_sweep_equals_one_schedule_at_a_time(any_model, batch):
    swept = sweep(any_model, MANY, [batch, batch], passage_nll)
    for schedule, (first, second) in zip(MANY, swept, strict=True):
        with scheduled(any_model, schedule):
            logits = any_model(input_ids=batch.ids_BxL, attention_mask=batch.mask_BxL).logits
        log_p = logits[:, :-1].double().log_softmax(dim=-1)
        chosen = log_p.gather(2, batch.ids_BxL[:, 1:, None])[..., 0]
        expected = -(chosen * batch.mask_BxL[:, 1:]).sum(dim=1)
        torch.testing.assert_close(first, expected, rtol=0, atol=1e-3)
        torch.testing.assert_close(
            first / batch.mask_BxL.sum(1), expected / batch.mask_BxL.sum(1), rtol=0, atol=1e-4
        )
        assert torch.equal(first, second)


def test_each_prefix_runs_once(model, batch):
    seen = calls(model, batch)
    sweep(model, MANY, [batch], hidden_states)
    assert len(seen) == schedules.layer_executions(MANY) < sum(len(m.visits) for m in MANY)


@pytest.mark.parametrize("budget", [1.0, 0.0])
def test_budget_bounds_what_waits_and_changes_no_result(model, batch, budget):
    alive, peak = weakref.WeakSet(), []

    def count(_, __, output):
        alive.add(output)
        peak.append(len(alive))

    for layer in blocks(model):
        layer.register_forward_hook(count)
    results = sweep(model, MANY, [batch], hidden_states, memory_gib=budget)
    # one state computed, its input, and a step's running sum beside what waits
    assert max(peak) <= (3 + T if budget else 4)
    unbounded = sweep(model, MANY, [batch], hidden_states)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(results, unbounded, strict=True))


def test_wrong_depth_is_refused_and_the_model_left_alone(model, batch):
    layers = blocks(model)
    with pytest.raises(ScheduleError, match="T=8: the model has T=6"):
        sweep(model, [schedules.full(8)], [batch], hidden_states)
    assert blocks(model) is layers
    assert sweep(model, [], [batch], hidden_states) == []
