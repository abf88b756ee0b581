"""Uniform access to the parts of a Hugging Face decoder or encoder."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from strata.models.sources import ModelError


class Place(NamedTuple):
    """Where the blocks are: attribute `name` of `parent`, a part of the model."""

    parent: nn.Module
    name: str


def blocks(model: PreTrainedModel) -> nn.ModuleList:
    """The model's transformer blocks, in order.

    Raises:
        ModelError: as `place_of_blocks`.
    """
    return getattr(*place_of_blocks(model))


def place_of_blocks(model: PreTrainedModel) -> Place:
    """Where a decoder, an encoder or the text part of a multimodal model keeps its blocks.

    Raises:
        ModelError: no ModuleList, or more than one, holds as many modules as the configuration
            names layers (layers that are one shared module, for example).
    """
    depth, decoder = text_config(model).num_hidden_layers, model.get_decoder()
    text = decoder if isinstance(decoder, PreTrainedModel) else model.base_model
    lists = list(_lists(text))
    found = [place for place in lists if len(getattr(*place)) == depth]
    if len(found) != 1:
        raise ModelError(
            f"{type(model).__name__}: expected one ModuleList of {depth} blocks in its "
            f"{type(text).__name__}, found {[len(getattr(*place)) for place in lists]}"
        )
    return found[0]


def text_config(model: PreTrainedModel) -> PreTrainedConfig:
    """The configuration of the part that reads text.

    Raises:
        ModelError: it names no number of layers.
    """
    config = model.config.get_text_config(decoder=True)
    if not hasattr(config, "num_hidden_layers"):
        raise ModelError(
            f"{type(model).__name__}: expected num_hidden_layers in its {type(config).__name__}, "
            f"found none"
        )
    return config


def _lists(parent: nn.Module) -> Iterator[Place]:
    """The lists of modules that are not inside another list."""
    for name, child in parent.named_children():
        if isinstance(child, nn.ModuleList):
            yield Place(parent, name)
        else:
            yield from _lists(child)
