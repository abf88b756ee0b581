"""Null models: what a claim is worth is seen by trying it on a model that cannot have earned it."""

import copy
from collections.abc import Iterator

import torch
from transformers import PreTrainedModel

from strata.evidence import MODEL, RANDOM, SHUFFLED
from strata.models import blocks
from strata.surgery import check_parts


def subjects(model: PreTrainedModel, seed: int) -> Iterator[tuple[str, PreTrainedModel]]:
    """The model itself, then each null, made when its turn comes."""
    yield MODEL, model
    yield RANDOM, random_initialisation(model, seed)
    yield SHUFFLED, shuffled_layers(model, seed)


def random_initialisation(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """The same architecture with freshly drawn weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fresh = type(model)(copy.deepcopy(model.config)).to(model.dtype)
    return _like(fresh, model)


def shuffled_layers(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """The trained blocks in a random order; embeddings, norm and head as they were.

    Raises:
        SurgeryError: blocks of other parts or shapes were to change places.
    """
    order = layer_order(len(blocks(model)), seed)
    for target, source in enumerate(order):
        check_parts(model, target, source)
    shuffled = copy.deepcopy(model)
    for target, source in zip(blocks(shuffled), order, strict=True):
        target.load_state_dict(blocks(model)[source].state_dict())
    return _like(shuffled, model)


def layer_order(depth: int, seed: int) -> list[int]:
    """Which trained block stands at each place of the shuffled model."""
    return torch.randperm(depth, generator=torch.Generator().manual_seed(seed)).tolist()


def _like(null: PreTrainedModel, model: PreTrainedModel) -> PreTrainedModel:
    return null.requires_grad_(False).eval().to(model.device)
