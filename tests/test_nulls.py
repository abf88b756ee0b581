"""Null models are reproducible, differ from the model and leave it alone."""

import torch

from strata import nulls
from strata.models import blocks


def flat(module):
    return torch.cat([p.flatten() for p in module.parameters()])


def test_random_initialisation_is_fresh_reproducible_and_leaves_the_generator_alone(model):
    state = torch.get_rng_state()
    one, two = (nulls.random_initialisation(model, seed=1) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(flat(one), flat(two))
    assert not torch.equal(flat(one), flat(nulls.random_initialisation(model, seed=2)))
    assert flat(one).shape == flat(model).shape and not torch.equal(flat(one), flat(model))


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
