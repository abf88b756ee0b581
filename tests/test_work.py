"""Units side by side in worker processes."""

import pytest
import torch
from torch import nn

from strata.work import side_by_side


@pytest.fixture(autouse=True)
def two_threads(set_threads):
    """The parent computes with two threads, also where the environment says one."""
    set_threads(2)


def product(size: int) -> tuple[int, int, int]:
    """The size, the threads that the worker has, and the trace of ones times ones."""
    ones = torch.ones(size, size)
    return size, torch.get_num_threads(), int((ones @ ones).trace())


def trained(seed: int) -> float:
    torch.manual_seed(seed)
    layer, rows = nn.Linear(64, 64), torch.randn(256, 64)
    optimizer = torch.optim.AdamW(layer.parameters(), fused=True)
    for _ in range(3):
        optimizer.zero_grad()
        loss = layer(rows).square().mean()
        loss.backward()
        optimizer.step()
    return loss.item()


def test_workers_answer_in_order_on_one_thread_each():
    assert product(1024)[1] == 2
    sizes = [512, 1, 256, 2, 128]
    assert side_by_side(product, sizes, 2, "multiply") == [(n, 1, n * n) for n in sizes]


def test_workers_train_after_the_parent_has_trained():
    alone = side_by_side(trained, range(4), 1, "train")
    assert side_by_side(trained, range(4), 2, "train") == pytest.approx(alone, rel=1e-5)


def test_a_unit_that_fails_ends_the_run():
    with pytest.raises(RuntimeError, match="negative dimension"):
        side_by_side(product, [1, -1], 2, "multiply")
