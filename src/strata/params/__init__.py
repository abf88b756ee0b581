"""Typed parameters, and the profiles that overlay them.

`params.yaml` is the laptop profile. Another profile is `profiles/<name>.yaml` laid over it; the
result is written to `results/<name>/params.yaml`, beside a link to `dvc.yaml`, so each profile is
a DVC pipeline with a lock of its own. Sections that one room alone reads are defined there.
"""

from strata.params.composing import compose, parse, read
from strata.params.sections import Params, ParamsError, Section
from strata.params.sources import EncoderParams, EvaluationTextParams, ModelParams

__all__ = [
    "EncoderParams",
    "EvaluationTextParams",
    "ModelParams",
    "Params",
    "ParamsError",
    "Section",
    "compose",
    "parse",
    "read",
]
