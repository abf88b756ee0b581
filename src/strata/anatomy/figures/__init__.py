"""Figures of paper A."""

from strata.anatomy.figures.importance import (
    anatomy_ablation,
    anatomy_importance,
    anatomy_manipulation,
    anatomy_small_draws,
)
from strata.anatomy.figures.training import (
    anatomy_growth,
    anatomy_recovery,
    anatomy_recovery_steps,
)
from strata.anatomy.figures.weights import (
    anatomy_deltas,
    anatomy_predictability,
    anatomy_predicted_layers,
)

FIGURES = (
    anatomy_ablation,
    anatomy_small_draws,
    anatomy_predictability,
    anatomy_deltas,
    anatomy_predicted_layers,
    anatomy_recovery,
    anatomy_recovery_steps,
    anatomy_manipulation,
    anatomy_importance,
    anatomy_growth,
)
