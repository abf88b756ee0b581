"""Figures of paper C."""

from strata.painters.figures.decoders import (
    painters_drift,
    painters_generation,
    painters_loops,
    painters_similarity,
    painters_single_layer,
    painters_tasks,
    painters_token_norms,
    painters_variants,
)
from strata.painters.figures.encoders import painters_glue, painters_glue_tasks
from strata.painters.figures.fidelity import (
    painters_fidelity,
    painters_fidelity_kinds,
    painters_fidelity_layers,
    painters_fidelity_loops,
)

FIGURES = (
    painters_similarity,
    painters_token_norms,
    painters_drift,
    painters_single_layer,
    painters_variants,
    painters_tasks,
    painters_loops,
    painters_generation,
    painters_glue,
    painters_glue_tasks,
    painters_fidelity,
    painters_fidelity_layers,
    painters_fidelity_loops,
    painters_fidelity_kinds,
)
