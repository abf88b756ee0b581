"""Getting a model, and uniform access to its layers."""

from strata.models.layers import blocks, final_norm, head, place_of_blocks
from strata.models.loading import LoadedModel, load, names
from strata.models.sources import ModelError, materialise

__all__ = [
    "LoadedModel",
    "ModelError",
    "blocks",
    "final_norm",
    "head",
    "load",
    "materialise",
    "names",
    "place_of_blocks",
]
