"""Uniform access to the parts of a Hugging Face decoder."""

from torch import nn
from transformers import PreTrainedModel

from strata.models.sources import ModelError

NORM_NAMES = ("norm", "final_layer_norm", "ln_f")


def blocks(model: PreTrainedModel) -> nn.ModuleList:
    """The model's transformer blocks, in order.

    Raises:
        ModelError: no ModuleList holds as many modules as the configuration names layers.
    """
    depth = model.config.num_hidden_layers
    lists = [module for module in model.base_model.children() if isinstance(module, nn.ModuleList)]
    for candidate in lists:
        if len(candidate) == depth:
            return candidate
    raise ModelError(
        f"{type(model).__name__}: expected a ModuleList of {depth} blocks in its base model, "
        f"found {[len(candidate) for candidate in lists]}"
    )


def final_norm(model: PreTrainedModel) -> nn.Module:
    """The norm between the last block and the head.

    Raises:
        ModelError: the base model has none under a known name.
    """
    for name in NORM_NAMES:
        if hasattr(model.base_model, name):
            return getattr(model.base_model, name)
    raise ModelError(f"{type(model).__name__}: expected a final norm named one of {NORM_NAMES}")


def head(model: PreTrainedModel) -> nn.Module:
    """The projection from the final norm to the vocabulary.

    Raises:
        ModelError: the model has no output embeddings.
    """
    projection = model.get_output_embeddings()
    if projection is None:
        raise ModelError(f"{type(model).__name__}: expected a language-model head, found none")
    return projection
