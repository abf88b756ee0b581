"""Linear classifiers on a frozen encoder's features, for all schedules side by side.

The paper's recipe for a frozen encoder: cross-entropy (squared error for scores), AdamW, linear
decay, the gradient's norm clipped to 1. Each classifier has its own loss, clipping and optimiser
state, so training S of them together is training each alone. S schedules, N examples, B of a
batch, D channels, C outputs.
"""

from collections.abc import Callable

import torch
from torch import nn
from transformers import get_linear_schedule_with_warmup

from strata.painters.params import HeadParams

INITIAL_STD = 0.02  # of a classifier's weights, as in BERT
CLIP = 1.0
Features = Callable[[torch.Tensor], torch.Tensor]


class Classifiers(nn.Module):
    """S linear maps from D channels to C outputs, all initialised alike."""

    def __init__(self, count: int, channels: int, outputs: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        weight_DxC = torch.randn(channels, outputs, generator=generator) * INITIAL_STD
        self.weight_SxDxC = nn.Parameter(weight_DxC.repeat(count, 1, 1))
        self.bias_Sx1xC = nn.Parameter(torch.zeros(count, 1, outputs))

    def forward(self, features_SxBxD: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias_Sx1xC, features_SxBxD, self.weight_SxDxC)


def trained(
    features: Features, labels_N: torch.Tensor, outputs: int, params: HeadParams, seed: int
) -> Classifiers:
    """Train S classifiers.

    Args:
        features: SxBxD of given rows B; a table indexed, or an encoder run again.
        labels_N: classes, or scores where `outputs` is 1.
    """
    generator = torch.Generator().manual_seed(seed)
    count, _, channels = features(torch.arange(1)).shape
    heads = Classifiers(count, channels, outputs, seed)
    optimiser = torch.optim.AdamW(heads.parameters(), lr=params.learning_rate, weight_decay=0)
    each = -(-len(labels_N) // params.batch_size)
    decay = get_linear_schedule_with_warmup(optimiser, 0, each * params.epochs)
    for _ in range(params.epochs):
        for rows in torch.randperm(len(labels_N), generator=generator).split(params.batch_size):
            optimiser.zero_grad()
            batch_losses(heads(features(rows)), labels_N[rows]).sum().backward()
            _clip(heads)
            optimiser.step()
            decay.step()
    return heads


def batch_losses(outputs_SxBxC: torch.Tensor, labels_B: torch.Tensor) -> torch.Tensor:
    """Mean loss of each classifier over a batch: S."""
    if outputs_SxBxC.shape[-1] == 1:
        return (outputs_SxBxC[..., 0] - labels_B.float()).square().mean(dim=1)
    per_row = nn.functional.cross_entropy(
        outputs_SxBxC.transpose(1, 2), labels_B.expand(outputs_SxBxC.shape[:2]), reduction="none"
    )
    return per_row.mean(dim=1)


@torch.no_grad()
def predictions(heads: Classifiers, features_SxNxD: torch.Tensor) -> torch.Tensor:
    """The likeliest class, or the score, of every example: SxN."""
    return decided(heads(features_SxNxD))


def decided(outputs: torch.Tensor) -> torch.Tensor:
    """Class or score from a classifier's outputs (..., C)."""
    return outputs[..., 0] if outputs.shape[-1] == 1 else outputs.argmax(dim=-1)


def _clip(heads: Classifiers) -> None:
    gradients = [parameter.grad for parameter in heads.parameters()]
    norms_S = sum(gradient.square().sum(dim=(1, 2)) for gradient in gradients).sqrt()
    scale_S = (CLIP / (norms_S + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale_S[:, None, None])
