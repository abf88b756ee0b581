"""Paper B's models and experiments: layer-wise scaling."""

from strata.lws.model import LwsConfig, LwsForCausalLM, LwsModel, build
from strata.lws.scaling import VARIANTS, ShapeError, layer_shapes, parameter_count

__all__ = [
    "VARIANTS",
    "LwsConfig",
    "LwsForCausalLM",
    "LwsModel",
    "ShapeError",
    "build",
    "layer_shapes",
    "parameter_count",
]
