"""Paper B's models and experiments: layer-wise scaling. Shapes and parameters need no torch."""

from typing import Any

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from strata.lws import model

    return getattr(model, name)
