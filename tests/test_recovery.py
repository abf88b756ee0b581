"""Recovery: the fast loop is the slow loop, and an interrupted one ends where a whole one does."""

import io
import shutil
import signal
import sys
from functools import partial

import pandas as pd
import pytest
import torch
from conftest import run

from strata import paths
from strata.anatomy.recovery import Curve, Task, recover
from strata.anatomy.recovery_study import measurements, resumable, summary
from strata.execution import traced
from strata.models import blocks
from strata.surgery import noised, preserved
from strata.training.errors import TrainingError
from strata.work import Work

TASK = Task(layer=2, noise=0.5, seed=0, learning_rate=1e-3, checks=(0, 2, 4, 6, 8), threshold=0.0)


@pytest.fixture
def entered(model, batch):
    return traced(model, [batch])


def slow_losses(model, task, batch):
    """Every weight has a gradient, every forward pass is whole; one layer is stepped."""
    model.requires_grad_(True)
    losses = []
    with preserved(model, task.layer), noised(model, task.layer, task.noise, task.seed):
        block = blocks(model)[task.layer]
        optimizer = torch.optim.AdamW(block.parameters(), lr=task.learning_rate, weight_decay=0.0)
        for _ in range(task.checks[-1]):
            output = model(input_ids=batch.ids_BxL, attention_mask=batch.mask_BxL, use_cache=False)
            scored = batch.mask_BxL[:, 1:].bool()
            loss = torch.nn.functional.cross_entropy(
                output.logits[:, :-1][scored], batch.ids_BxL[:, 1:][scored]
            )
            losses.append(loss.item())
            model.zero_grad()
            loss.backward()
            optimizer.step()
    return losses


def test_fast_loop_equals_training_with_all_gradients(model, batch, entered):
    fast = recover(model, TASK, lambda: entered, entered)
    torch.testing.assert_close(fast.losses, slow_losses(model, TASK, batch), rtol=0, atol=1e-5)


def test_model_is_left_bit_for_bit_and_frozen(model, entered):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    curve = recover(model, TASK, lambda: entered, entered)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert curve.perplexities[-1] < curve.perplexities[0]


def test_training_stops_at_the_first_check_below_the_threshold(model, entered):
    whole = recover(model, TASK, lambda: entered, entered)
    early = TASK._replace(threshold=whole.perplexities[2])
    reached = recover(model, early, lambda: entered, entered)
    assert reached.steps == [0, 2, 4] and len(reached.losses) == 4
    assert reached.recovered_at(whole.perplexities[2]) == 4
    assert whole.recovered_at(0.0) is None


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_interrupted_curve_ends_in_the_same_numbers(model, entered, cut):
    whole = recover(model, TASK, lambda: entered, entered)
    states = []

    def save(state):
        states.append(torch.load(_stored(state), weights_only=True))
        if len(states) > cut:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recover(model, TASK, lambda: entered, entered, save=save)
    assert recover(model, TASK, lambda: entered, entered, saved=states[-1]) == whole


def _stored(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return file


def test_finished_unit_is_read_back_and_other_facts_find_nothing(
    model, entered, tmp_path, monkeypatch
):
    monkeypatch.setattr(paths, "WORK", tmp_path)
    work = Work("recovery", {"x": 1})
    first = resumable(work, "unit", model, TASK, lambda: entered, entered)
    monkeypatch.setattr("strata.anatomy.recovery_study.recover", None)
    assert resumable(work, "unit", model, TASK, lambda: entered, entered) == first
    assert Work("recovery", {"x": 2}).result("unit") is None
    work.clear()
    assert work.result("unit") is None


def test_non_finite_loss_names_layer_and_step(model, entered):
    wild = TASK._replace(learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"layer 2, step \d: training loss is nan; lower"):
        recover(model, wild, lambda: entered, entered)
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


KILLED = """
import os, signal, sys
from strata.work import Work
from strata.anatomy import growth_training
train = growth_training.train
def dying(params, split, phases, anti, seed, saved=None, save=None):
    def last(state):
        save(state)
        os.kill(os.getpid(), signal.SIGKILL)
    return train(params, split, phases, anti, seed, saved, last)
growth_training.train = dying
sys.argv = ["15_anatomy_growth.py", "--profile", "smoke"]
exec(compile(open("src/15_anatomy_growth.py").read(), "15", "exec"))
"""


def test_killed_growth_stage_goes_on_and_ends_in_the_same_numbers(tmp_path):
    """kill -9 in the first run's training, then the stage again, against an undisturbed stage."""
    evidence = []
    for killed in (False, True):
        tree = tmp_path / f"tree{killed}"
        for name in ("src", "profiles", "data/authored"):
            shutil.copytree(paths.ROOT / name, tree / name)
        for name in ("params.yaml", "dvc.yaml"):
            shutil.copy(paths.ROOT / name, tree)
        python = partial(run, sys.executable, cwd=tree, PYTHONPATH=str(tree / "src"))
        if killed:
            assert python("-c", KILLED).returncode == -signal.SIGKILL
            assert list((tree / "data" / "work").rglob("*.pt"))
        done = python("src/15_anatomy_growth.py", "--profile", "smoke")
        assert done.returncode == 0, done.stderr[-2000:]
        assert not list((tree / "data" / "work").rglob("*.pt"))
        evidence.append((tree / "results" / "smoke" / "anatomy" / "growth.json").read_bytes())
    assert evidence[0] == evidence[1]


def test_noise_is_measured_before_any_step_and_steps_after():
    rows = [
        {"subject": "model", "text": "apart", "layer": layer, "seed": seed, "steps": steps}
        | {"least_steps": least, "untouched": 20.0, "disturbed": disturbed}
        for layer, seed, least, steps, disturbed in [
            (3, 0, 4, 5, 30),
            (3, 1, 6, 8, 40),
            (4, 0, 0, 0, 18),
        ]
    ]
    importance = pd.DataFrame({"model": {3: 9.0, 4: 1.0}})
    measured = measurements(pd.DataFrame(rows), importance, resamples=100)
    half = 12.7062 * 25  # t of one degree of freedom, standard error of the two seeds
    assert measured["disturbed_change_L3"]["model"] == pytest.approx((75, 75 - half, 75 + half))
    assert measured["disturbed_change_L4"]["model"] == pytest.approx((-10, -10, -10))
    value, low, high = measured["steps_L3"]["model"]
    assert (value, low, high) == pytest.approx((6.5, 5 - 12.7062, 6.5 + 12.7062 * 1.5), abs=1e-3)
    assert measured["steps_L4"]["model"] == (0, 0, 0)
    assert measured["spearman"]["model"].value == pytest.approx(1)


@pytest.mark.parametrize(
    "perplexities, expected",
    [([9.0], (True, 0, 0)), ([20, 15, 10], (True, 4, 3)), ([20, 19, 18, 17, 16], (False, 8, 8))],
)
def test_steps_lie_between_the_last_check_above_and_the_first_below(perplexities, expected):
    steps = list(TASK.checks[: len(perplexities)])
    found = summary(Curve(steps, perplexities, []), TASK._replace(threshold=10.5), base=10.0)
    assert (found["recovered"], found["steps"], found["least_steps"]) == expected
