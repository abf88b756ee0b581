"""Scheduled execution: cached equals uncached first of all, identity bit-equal, all restored."""

import pytest
import torch
from conftest import GROUPED, by_hand, drawn
from transformers import DynamicCache, Qwen2Config

from strata import schedules
from strata.execution import ExecutionError, scheduled
from strata.models import blocks
from strata.schedules import Schedule

T = 6
VARIANTS = {
    "full": schedules.full(T),
    "skip": schedules.skip(T, 1),
    "skip_first": schedules.skip_layer(T, 0),
    "middle_repeat": schedules.middle_repeat(T, 0),
    "reverse": schedules.reverse(T, 0),
    "random_order": schedules.random_order(T, 0, seed=1),
    "parallel": schedules.parallel(T, 0),
    "parallel_first": Schedule(T, ((0, 1, 2), 3, 4, 5)),
    "looped": schedules.parallel(T, 1, loops=3),
    "swap": schedules.swap_layers(T, 2),
    "damped": schedules.middle_damped(T, 1, 3),
    "damped_parallel": Schedule(T, (0, (1, 2, schedules.THROUGH), 3, 4, 5)),
}


@pytest.fixture
def ids():
    return torch.randint(1, 61, (2, 16), generator=torch.Generator().manual_seed(2))


def logits_by_hand(model, schedule, ids):
    hidden = by_hand(model, schedule, lambda: model(input_ids=ids, use_cache=False))
    base = model.base_model
    norm = base.norm if hasattr(base, "norm") else base.final_layer_norm
    return model.get_output_embeddings()(norm(hidden))


@pytest.mark.parametrize("variant", VARIANTS)
def test_cached_decoding_equals_one_pass(any_model, ids, variant):
    with scheduled(any_model, VARIANTS[variant]):
        whole = any_model(input_ids=ids, use_cache=False).logits
        prefill = any_model(input_ids=ids[:, :8], use_cache=True)
        pieces, cache = [prefill.logits], prefill.past_key_values
        for t in range(8, 16):
            one = any_model(input_ids=ids[:, t : t + 1], past_key_values=cache, use_cache=True)
            pieces.append(one.logits)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=1e-4)
    expected = logits_by_hand(any_model, VARIANTS[variant], ids)
    torch.testing.assert_close(whole, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_generation_equals_generation_without_cache(model, ids, variant):
    options = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0}
    with scheduled(model, VARIANTS[variant]):
        cached = model.generate(ids[:, :6], **options)
        assert torch.equal(cached, model.generate(ids[:, :6], use_cache=False, **options))


def test_identity_is_bit_equal(any_model, ids):
    before = any_model(input_ids=ids).logits
    for kv in ("per_visit", "averaged"):
        with scheduled(any_model, schedules.full(T), kv):
            assert torch.equal(any_model(input_ids=ids).logits, before)


def test_one_slot_for_every_visit(model, ids):
    with scheduled(model, VARIANTS["looped"]):
        cache = model(input_ids=ids, use_cache=True).past_key_values
    assert [layer.get_seq_length() for layer in cache.layers] == [16] * len(
        VARIANTS["looped"].visits
    )
    with scheduled(model, VARIANTS["looped"], kv="averaged"):
        cache = model(input_ids=ids, use_cache=True).past_key_values
    assert len(cache.layers) == len(VARIANTS["looped"].steps)


def averaged_by_hand(model, schedule, ids, prefill):
    """The released behaviour written independently, for the Llama family: one list of keys and
    values a step; every layer of a step attends to the step's past means and its own new ones."""
    layers, head_dim = blocks(model), model.config.hidden_size // model.config.num_attention_heads
    past, logits = {}, []
    for start, stop in [(0, prefill), *((t, t + 1) for t in range(prefill, ids.shape[1]))]:
        hidden = model.model.embed_tokens(ids[:, start:stop])
        cos, sin = model.model.rotary_emb(hidden, torch.arange(start, stop)[None])
        for place, step in enumerate(schedule.steps):
            members = (step,) if isinstance(step, int) else step
            outputs, keys, values = [], [], []
            for layer in (layers[i] for i in members):
                x = layer.input_layernorm(hidden)
                shape = (*x.shape[:2], -1, head_dim)
                q, k, v = (
                    projection(x).view(shape).transpose(1, 2)
                    for projection in (
                        layer.self_attn.q_proj,
                        layer.self_attn.k_proj,
                        layer.self_attn.v_proj,
                    )
                )
                q, k = (z * cos[:, None] + rotate(z) * sin[:, None] for z in (q, k))
                keys.append(k)
                values.append(v)
                if place in past:
                    k = torch.cat([past[place][0], k], dim=2)
                    v = torch.cat([past[place][1], v], dim=2)
                k, v = (z.repeat_interleave(q.shape[1] // z.shape[1], dim=1) for z in (k, v))
                scores = q @ k.transpose(2, 3) / head_dim**0.5
                visible = torch.arange(k.shape[2])[None] <= torch.arange(start, stop)[:, None]
                weights = scores.masked_fill(~visible, -torch.inf).softmax(dim=-1)
                attended = (weights @ v).transpose(1, 2).flatten(2)
                after = hidden + layer.self_attn.o_proj(attended)
                outputs.append(after + layer.mlp(layer.post_attention_layernorm(after)))
            new = [torch.stack(each).mean(dim=0) for each in (keys, values)]
            if place in past:
                new = [torch.cat(pair, dim=2) for pair in zip(past[place], new, strict=True)]
            past[place] = new
            hidden = torch.stack(outputs).mean(dim=0)
        logits.append(model.lm_head(model.model.norm(hidden)))
    return torch.cat(logits, dim=1)


def rotate(z):
    half = z.shape[-1] // 2
    return torch.cat([-z[..., half:], z[..., :half]], dim=-1)


def decode(model, ids, prefill):
    cache, pieces = DynamicCache(config=model.config), []
    for start, stop in [(0, prefill), *((t, t + 1) for t in range(prefill, ids.shape[1]))]:
        out = model(input_ids=ids[:, start:stop], past_key_values=cache, use_cache=True)
        pieces.append(out.logits)
    return torch.cat(pieces, dim=1)


@pytest.mark.parametrize("variant", ["parallel", "looped", "parallel_first"])
def test_averaged_cache_is_the_released_function(model, ids, variant):
    with scheduled(model, VARIANTS[variant], kv="averaged"):
        ours = decode(model, ids, prefill=8)
        whole = model(input_ids=ids, use_cache=False).logits
    expected = averaged_by_hand(model, VARIANTS[variant], ids, prefill=8)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(ours[:, :8], whole[:, :8], rtol=0, atol=1e-4)
    assert (ours - whole)[:, 8:].abs().max() > 0.01


@pytest.mark.parametrize("kv", ["per_visit", "averaged"])
def test_everything_is_restored_also_after_an_error(any_model, ids, kv):
    before, layers = any_model(input_ids=ids).logits, blocks(any_model)
    config = any_model.config.to_dict()
    with pytest.raises(RuntimeError), scheduled(any_model, VARIANTS["looped"], kv):
        any_model(input_ids=ids)
        raise RuntimeError
    assert blocks(any_model) is layers and any_model.config.to_dict() == config
    assert torch.equal(any_model(input_ids=ids).logits, before)
    hidden = any_model(input_ids=ids, output_hidden_states=True).hidden_states
    assert len(hidden) == T + 1


def test_hidden_states_are_those_of_the_layers_that_ran(model, ids):
    with scheduled(model, VARIANTS["skip"]):
        assert len(model(input_ids=ids, output_hidden_states=True).hidden_states) == 4
    assert len(model(input_ids=ids, output_hidden_states=True).hidden_states) == T + 1


def test_nesting_and_wrong_depth_are_refused(model, ids):
    with (
        scheduled(model, VARIANTS["skip"]),
        pytest.raises(ExecutionError, match="already runs a schedule"),
        scheduled(model, VARIANTS["skip"]),
    ):
        pass
    with (
        pytest.raises(ExecutionError, match="schedule is for T=8, the model has T=6"),
        scheduled(model, schedules.skip(8, 1)),
    ):
        pass


def test_layers_that_attend_differently(ids):
    """Masks and cache slots follow the layer, not the place, in parallel too."""
    window = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 3}
    mixed = drawn(Qwen2Config(**GROUPED, **window))
    for schedule in VARIANTS.values():
        with scheduled(mixed, schedule):
            ours = mixed(input_ids=ids, use_cache=False).logits
            torch.testing.assert_close(decode(mixed, ids, prefill=8), ours, rtol=0, atol=1e-4)
        expected = logits_by_hand(mixed, schedule, ids)
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)
    with (
        pytest.raises(ExecutionError, match=r"layers \(1, 2, 3, 4, 5\) attend differently"),
        scheduled(mixed, schedules.parallel(T, 0), kv="averaged"),
    ):
        pass


def test_a_damped_step_has_no_averaged_cache(model):
    with (
        pytest.raises(ExecutionError, match="damped step has no averaged cache"),
        scheduled(model, VARIANTS["damped"], kv="averaged"),
    ):
        pass


@pytest.mark.parametrize("save", [lambda model, to: model.save_pretrained(to), torch.save])
def test_saving_inside_a_schedule_is_refused(model, tmp_path, save):
    with (
        scheduled(model, VARIANTS["skip"]),
        pytest.raises(ExecutionError, match="cannot be saved while it runs a schedule"),
    ):
        save(model, tmp_path) if save is not torch.save else save(model.state_dict(), tmp_path)


def test_activation_checkpointing_and_parallel_layers_are_refused(model):
    model.activation_checkpointing_enable()
    with (
        pytest.raises(ExecutionError, match="activation checkpointing runs blocks again"),
        scheduled(model, VARIANTS["parallel"]),
    ):
        pass
