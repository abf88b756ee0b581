"""Schedules on encoders: BERT, RoBERTa and DistilBERT, one by one, swept and in training."""

from typing import NamedTuple

import pytest
import torch
from conftest import SHAPE, by_hand, drawn
from transformers import (
    AlbertConfig,
    AutoModel,
    BertConfig,
    DistilBertConfig,
    RobertaConfig,
    T5Config,
)

from strata import nulls, schedules
from strata.errors import StrataError
from strata.execution import ExecutionError, scheduled, sweep
from strata.models import blocks
from strata.schedules import Schedule

T = 6

FAMILIES = {
    "bert": BertConfig(**SHAPE),
    "roberta": RobertaConfig(**SHAPE, pad_token_id=0),
    "distilbert": DistilBertConfig(
        vocab_size=61, dim=32, hidden_dim=48, n_layers=T, n_heads=4, max_position_embeddings=64
    ),
}
VARIANTS = {
    "full": schedules.full(T),
    "skip": schedules.skip(T, 1),
    "middle_repeat": schedules.middle_repeat(T, 0),
    "reverse": schedules.reverse(T, 0),
    "random_order": schedules.random_order(T, 0, seed=1),
    "parallel": schedules.parallel(T, 0),
    "parallel_first": Schedule(T, ((0, 1, 2), 3, 4, 5)),
    "looped": schedules.parallel(T, 1, loops=3),
}


class Pairs(NamedTuple):
    ids_BxL: torch.Tensor
    mask_BxL: torch.Tensor
    segments_BxL: torch.Tensor | None

    def to(self, device):
        return self


@pytest.fixture(params=FAMILIES)
def encoder(request):
    return drawn(FAMILIES[request.param], AutoModel)


@pytest.fixture
def pairs(batch, encoder):
    second = torch.zeros_like(batch.ids_BxL)
    second[:, 5:] = 1
    segments = second if encoder.config.model_type == "bert" else None
    return Pairs(batch.ids_BxL, batch.mask_BxL, segments)


def run(model, batch):
    segments = {} if batch.segments_BxL is None else {"token_type_ids": batch.segments_BxL}
    return model(batch.ids_BxL, attention_mask=batch.mask_BxL, **segments).last_hidden_state


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_scheduled_encoder_runs_its_steps(encoder, pairs, variant):
    with scheduled(encoder, VARIANTS[variant]):
        ours = run(encoder, pairs)
    expected = by_hand(encoder, VARIANTS[variant], lambda: run(encoder, pairs))
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)
    if variant != "full":
        assert (ours - run(encoder, pairs)).abs().max() > 0.01


def test_the_full_schedule_is_bit_equal_and_all_is_restored_also_after_an_error(encoder, pairs):
    before, layers, config = run(encoder, pairs), blocks(encoder), encoder.config.to_dict()
    with scheduled(encoder, schedules.full(T)):
        assert torch.equal(run(encoder, pairs), before)
    with pytest.raises(RuntimeError), scheduled(encoder, VARIANTS["looped"]):
        run(encoder, pairs)
        raise RuntimeError
    assert blocks(encoder) is layers and encoder.config.to_dict() == config
    assert torch.equal(run(encoder, pairs), before)


def test_sweep_equals_one_schedule_at_a_time_for_pairs(encoder, pairs):
    swept = sweep(encoder, list(VARIANTS.values()), [pairs], lambda _, hidden, __: hidden)
    for schedule, (hidden,) in zip(VARIANTS.values(), swept, strict=True):
        with scheduled(encoder, schedule):
            expected = run(encoder, pairs)
        real = pairs.mask_BxL.bool()
        torch.testing.assert_close(hidden[real], expected[real], rtol=0, atol=1e-5)


def test_layers_left_out_get_no_gradient_and_repeated_ones_get_all(encoder, pairs):
    encoder.requires_grad_(True)
    for schedule in (VARIANTS["skip"], VARIANTS["middle_repeat"]):
        encoder.zero_grad()
        with scheduled(encoder, schedule):
            reached = {id(parameter) for parameter in encoder.parameters()}
            run(encoder, pairs).square().sum().backward()
        for i, layer in enumerate(blocks(encoder)):
            for parameter in layer.parameters():
                visited = i in schedule.visits
                assert (parameter.grad is not None) == visited == (id(parameter) in reached)


def test_nesting_and_a_schedule_for_another_depth_are_refused(encoder):
    with (
        scheduled(encoder, VARIANTS["skip"]),
        pytest.raises(ExecutionError, match="already runs a schedule"),
        scheduled(encoder, VARIANTS["skip"]),
    ):
        pass
    with (
        pytest.raises(ExecutionError, match="schedule is for T=24, the model has T=6"),
        scheduled(encoder, schedules.skip(24, 9)),
    ):
        pass


@pytest.mark.parametrize(
    ("config", "refusal"),
    [
        (AlbertConfig(**SHAPE, embedding_size=16), "expected one ModuleList of 6 blocks"),
        (
            T5Config(vocab_size=61, d_model=32, d_kv=8, d_ff=48, num_layers=T, num_heads=4),
            "cannot run in parts or in another order",
        ),
    ],
    ids=["shared layers", "encoder and decoder"],
)
def test_a_stack_that_no_schedule_fits_is_refused(config, refusal):
    model = AutoModel.from_config(config)
    with pytest.raises(StrataError, match=refusal), scheduled(model, VARIANTS["skip"]):
        pass


def test_nulls_of_an_encoder(encoder):
    fresh = nulls.random_initialisation(encoder, seed=1)
    shuffled = nulls.shuffled_layers(encoder, seed=0)
    assert type(fresh) is type(shuffled) is type(encoder)
    ours = blocks(encoder)[0].state_dict()
    for null in (fresh, shuffled):
        theirs = blocks(null)[0].state_dict()
        assert any(not torch.equal(ours[name], theirs[name]) for name in ours)
