"""Getting a model, and uniform access to its layers."""

from strata.models.layers import blocks, place_of_blocks, text_config
from strata.models.loading import LoadedModel, arithmetic, load, names
from strata.models.sources import ModelError, materialise

__all__ = [
    "LoadedModel",
    "ModelError",
    "arithmetic",
    "blocks",
    "load",
    "materialise",
    "names",
    "place_of_blocks",
    "text_config",
]
