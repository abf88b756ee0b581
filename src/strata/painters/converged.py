"""A converged linear readout of frozen features: what they hold, whatever the optimiser."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from strata.statistics import Floats

STRENGTHS = np.logspace(-1, 5, 13)


def converged_answers(
    train_NxD: Floats, labels_N: NDArray[Any], validation_MxD: Floats, outputs: int
) -> Floats:
    """Classes, or scores where `outputs` is 1, by ridge regression in closed form: M.

    Features are standardised; the strength is the one with the least leave-one-out error on the
    training rows.
    """
    ridge = RidgeCV if outputs == 1 else RidgeClassifierCV
    reader = make_pipeline(StandardScaler(), ridge(alphas=STRENGTHS))
    return reader.fit(train_NxD, labels_N).predict(validation_MxD)
