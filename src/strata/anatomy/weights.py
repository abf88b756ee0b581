"""How predictable are a layer's weights from other layers'? Paper A's R2 and delta correlation.

A parameter's stack is its T layers' values as a matrix (T, N). Each reading of "predictable" is one
function from a stack's moments to a number per layer, so it can be tried on any stack: the model's,
its layers in shuffled order, a random initialisation, sorted weights. For independent layers the
expected values are known in closed form:

    Corr(W_{l+1} - W_l, W_{l+2} - W_{l+1}) = -Var / (2 Var) = -1/2
    neighbour average:     error Var + Var/2,   R2 = 1 - 3/2 = -1/2
    linear extrapolation:  error Var + 5 Var,   R2 = 1 - 6 = -5
    ridge on neighbours:   no signal,           R2 = 0
    polynomial, degree p:  R2 = mean leverage = (p + 1) / T in sample
    of a statistic (about its mean over depth): R2 = p / (T - 1) in sample
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from strata.errors import StrataError
from strata.statistics import Floats

DEGREE = 3
RIDGE = 1e-6
TINY = 1e-30


class WeightsError(StrataError, ValueError):
    """Layers that cannot be compared."""


def stacks(layers: nn.ModuleList) -> dict[str, torch.Tensor]:
    """Parameter name -> its values in every layer, (T, N); `shape` is lost.

    Raises:
        WeightsError: as for one stack.
    """
    return {name: stack(layers, name) for name, _ in layers[0].named_parameters()}


def stack(layers: nn.ModuleList, name: str) -> torch.Tensor:
    """One parameter's values in every layer, (T, N).

    Raises:
        WeightsError: fewer than four layers, or layers of different shapes.
    """
    if len(layers) < DEGREE + 1:
        raise WeightsError(f"found {len(layers)} layers, expected at least {DEGREE + 1}")
    values = [dict(layer.named_parameters()).get(name) for layer in layers]
    shapes = {value if value is None else tuple(value.shape) for value in values}
    if len(shapes) > 1:
        raise WeightsError(f"{name}: layers have shapes {sorted(shapes, key=str)}, expected one")
    return torch.stack([value.detach().flatten() for value in values])


class Moments(NamedTuple):
    """Means (T,) and covariances (T, T) of the layers of a stack, float64.

    A reading that predicts a layer by a linear combination of layers needs nothing else, and the
    same layers in another order need no second look at the weights.
    """

    means: Floats
    covariances: Floats

    def reordered(self, order: NDArray[np.int64]) -> "Moments":
        return Moments(self.means[order], self.covariances[np.ix_(order, order)])


def moments(stack: torch.Tensor) -> Moments:
    """Moments of a stack (T, N)."""
    values = stack.double()
    means = values.mean(dim=1, keepdim=True)
    values -= means
    covariances = values @ values.T / values.shape[1]
    return Moments(means[:, 0].cpu().numpy(), covariances.cpu().numpy())


def delta_correlations(layers: Moments) -> Floats:
    """Correlation of W_{l+1} - W_l with W_{l+2} - W_{l+1}, for l = 0..T-3; 0 if one is constant."""
    deltas = np.diff(np.eye(len(layers.means)), axis=0)
    covariances = deltas @ layers.covariances @ deltas.T
    deviations = np.sqrt(covariances.diagonal())
    scale = deviations[1:] * deviations[:-1]
    return np.divide(covariances.diagonal(1), scale, out=np.zeros_like(scale), where=scale > TINY)


def neighbour_average(layers: Moments) -> Floats:
    """R2 of predicting each inner layer by the mean of its two neighbours, (T - 2,)."""
    own = np.eye(len(layers.means))
    return _r2(layers, own[1:-1], (own[:-2] + own[2:]) / 2)


def linear_extrapolation(layers: Moments) -> Floats:
    """R2 of predicting each layer by 2 W_{l-1} - W_{l-2}, (T - 2,)."""
    own = np.eye(len(layers.means))
    return _r2(layers, own[2:], 2 * own[1:-1] - own[:-2])


def ridge_on_neighbours(layers: Moments) -> Floats:
    """R2 of the best linear combination of the two neighbours' weights, (T - 2,)."""
    own = np.eye(len(layers.means))
    predicted = np.zeros_like(own)
    for layer in range(1, len(own) - 1):
        near = [layer - 1, layer + 1]
        gram = layers.covariances[np.ix_(near, near)]
        penalty = (RIDGE * gram.trace() + TINY) * np.eye(2)
        predicted[layer, near] = np.linalg.solve(gram + penalty, layers.covariances[near, layer])
    centred = layers._replace(means=np.zeros_like(layers.means))
    return _r2(centred, own[1:-1], predicted[1:-1])


def polynomial(layers: Moments) -> Floats:
    """R2 of a cubic over depth fitted to each weight, in sample, (T,)."""
    depth = len(layers.means)
    return _r2(layers, np.eye(depth), hat_matrix(depth).numpy())


def polynomial_left_out(layers: Moments) -> Floats:
    """The same, each layer predicted by the cubic through the other layers, (T,)."""
    depth = len(layers.means)
    return _r2(layers, np.eye(depth), left_out_matrix(depth).numpy())


def by_rank(stack: torch.Tensor) -> torch.Tensor:
    """Each layer's weights in ascending order."""
    return torch.from_numpy(np.sort(stack.cpu().numpy(), axis=1)).to(stack.device)


def hat_matrix(depth: int) -> torch.Tensor:
    """Projection (T, T) on cubics over depth."""
    powers = torch.linspace(-1, 1, depth, dtype=torch.float64)[:, None] ** torch.arange(DEGREE + 1)
    basis = torch.linalg.qr(powers).Q
    return basis @ basis.T


def left_out_matrix(depth: int) -> torch.Tensor:
    """Row l predicts layer l from the cubic through all others: zero on the diagonal, (T, T)."""
    hat = hat_matrix(depth)
    leverage = hat.diagonal()[:, None]
    return (hat - torch.diag(hat.diagonal())) / (1 - leverage)


def statistic_over_depth(values: Floats) -> float:
    """In-sample R2, about the mean over depth, of a cubic through one number a layer (T,)."""
    residual = values - hat_matrix(len(values)).numpy() @ values
    spread = ((values - values.mean()) ** 2).sum()
    return float(1 - (residual**2).sum() / spread) if spread > 0 else 0.0


def layer_statistics(stack: torch.Tensor, shape: torch.Size) -> dict[str, Floats]:
    """Mean, standard deviation, Frobenius and spectral norm of each layer: name -> (T,)."""
    values = {"mean": stack.mean(dim=1), "std": stack.std(dim=1), "norm": stack.norm(dim=1)}
    if len(shape) == 2:
        values["spectral_norm"] = torch.stack([_spectral_norm(row.view(shape)) for row in stack])
    return {name: value.double().cpu().numpy() for name, value in values.items()}


def closed_form(depth: int) -> dict[str, float]:
    """Expected value of each reading for independent layers; see the module's derivation."""
    return {
        "delta_correlation": -0.5,
        "neighbour_average": -0.5,
        "linear_extrapolation": -5.0,
        "ridge_on_neighbours": 0.0,
        "polynomial": (DEGREE + 1) / depth,
        # 1 - mean of E[error] / Var; the error of row l is Var (1 + sum of its squared weights)
        "polynomial_left_out": float(-(left_out_matrix(depth) ** 2).sum(dim=1).mean()),
        "statistic_over_depth": DEGREE / (depth - 1),
    }


READINGS: Mapping[str, Callable[[Moments], Floats]] = {
    "delta_correlation": delta_correlations,
    "neighbour_average": neighbour_average,
    "linear_extrapolation": linear_extrapolation,
    "ridge_on_neighbours": ridge_on_neighbours,
    "polynomial": polynomial,
    "polynomial_left_out": polynomial_left_out,
}


def _spectral_norm(matrix: torch.Tensor) -> torch.Tensor:
    """Largest singular value, from the smaller of the two Gram matrices."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    return torch.linalg.eigvalsh(wide @ wide.T)[-1].clamp(min=0).sqrt()


def _r2(layers: Moments, own: Floats, predicted: Floats) -> Floats:
    """1 - mean squared error over the variance about the layer's own mean, row by row.

    A constant layer (a norm at initialisation) has no spread to explain: 0.

    Args:
        own, predicted: combinations of the layers, one a row, (K, T).
    """
    left = own - predicted
    error = ((left @ layers.covariances) * left).sum(axis=1) + (left @ layers.means) ** 2
    spread = ((own @ layers.covariances) * own).sum(axis=1)
    return 1 - np.divide(error, spread, out=np.ones_like(spread), where=spread > TINY)
