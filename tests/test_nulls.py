"""Null models are reproducible, differ from the model, leave it alone and take its memory."""

import copy

import pytest
import torch

from strata import nulls
from strata.evidence import MODEL, RANDOM, SHUFFLED
from strata.models import ModelError, blocks


def flat(module):
    return torch.cat([p.flatten() for p in module.parameters()])


def test_random_initialisation_is_fresh_reproducible_and_leaves_the_generator_alone(model):
    state = torch.get_rng_state()
    one, two = (nulls.random_initialisation(model, seed=1) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(flat(one), flat(two))
    assert not torch.equal(flat(one), flat(nulls.random_initialisation(model, seed=2)))
    assert flat(one).shape == flat(model).shape and not torch.equal(flat(one), flat(model))


def test_random_initialisation_is_what_transformers_draws(model):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        expected = type(model)(copy.deepcopy(model.config))
    assert torch.equal(flat(nulls.random_initialisation(model, seed=1)), flat(expected))


def test_random_initialisation_draws_the_same_in_every_dtype(any_model):
    full = nulls.random_initialisation(any_model, seed=1)
    half = nulls.random_initialisation(copy.deepcopy(any_model).to(torch.bfloat16), seed=1)
    assert half.dtype == torch.bfloat16
    assert torch.equal(flat(half), flat(full).to(torch.bfloat16))


def test_shuffled_layers_permute_the_blocks_and_nothing_else(model):
    before = flat(model)
    shuffled = nulls.shuffled_layers(model, seed=0)
    ours = [flat(block) for block in blocks(model)]
    theirs = [flat(block) for block in blocks(shuffled)]
    order = [next(i for i, own in enumerate(ours) if torch.equal(own, other)) for other in theirs]
    assert sorted(order) == list(range(6)) and order != list(range(6))
    assert torch.equal(model.model.embed_tokens.weight, shuffled.model.embed_tokens.weight)
    assert torch.equal(before, flat(model))
    assert [block.self_attn.layer_idx for block in blocks(shuffled)] == list(range(6))


def test_subjects_have_the_weights_of_each_null_and_the_model_is_as_before(any_model):
    expected = {
        MODEL: flat(any_model),
        RANDOM: flat(nulls.random_initialisation(any_model, seed=3)),
        SHUFFLED: flat(nulls.shuffled_layers(any_model, seed=3)),
    }
    found = {name: flat(each) for name, each in nulls.subjects(any_model, seed=3)}
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert torch.equal(flat(any_model), expected[MODEL])
    head, embedding = any_model.get_output_embeddings(), any_model.get_input_embeddings()
    tied = any_model.config.tie_word_embeddings
    assert (head.weight.data_ptr() == embedding.weight.data_ptr()) == tied


def test_one_subject_has_weights_at_a_time(model):
    size = flat(model).numel()
    subjects = nulls.subjects(model, seed=0)
    next(subjects)
    _, random = next(subjects)
    assert (flat(model).numel(), flat(random).numel()) == (0, size)
    next(subjects)
    assert (flat(model).numel(), flat(random).numel()) == (size, 0)


def test_subjects_leave_no_file_and_restore_the_model_after_an_error(model, tmp_path, monkeypatch):
    monkeypatch.setattr(nulls.paths, "WORK", tmp_path)
    before = flat(model)
    for place in (RANDOM, SHUFFLED):
        with pytest.raises(ZeroDivisionError):
            run(model, place)
        assert torch.equal(flat(model), before)
    assert not list(tmp_path.iterdir())


def run(model, place):
    for name, _ in nulls.subjects(model, seed=0):
        if name == place:
            raise ZeroDivisionError


def test_nulls_of_a_model_on_several_devices_are_refused(model):
    model.hf_device_map = {"model": "cpu", "lm_head": "disk"}
    with pytest.raises(ModelError, match="LlamaForCausalLM is spread over several devices"):
        list(nulls.subjects(model, seed=0))
