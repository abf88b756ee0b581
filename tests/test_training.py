"""The loop: restarts are bit-equal, two processes agree with one, and failures are clear."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run as launched
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from training_worker import PARAMS, run

from strata.lws import build
from strata.lws.scaling import layer_shapes, proportional
from strata.training import Sequences, TrainingError, World, budget
from strata.training.attention import without_masks
from strata.training.compiling import compiled
from strata.training.loop import CHECKPOINT, NextTokenLoss
from strata.work import restore

WORKER = Path(__file__).with_name("training_worker.py")
ALONE = World(0, 1, torch.device("cpu"))


@pytest.fixture(autouse=True)
def one_thread(set_threads):
    set_threads(1)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    torch.set_num_threads(1)
    return run(tmp_path_factory.mktemp("reference"))


def worker(*options, command=(sys.executable,)):
    words = (*command, str(WORKER), *map(str, options))
    return launched(*words, cwd=WORKER.parent, OMP_NUM_THREADS="1")


def test_losses_fall_and_the_grid_is_fixed(reference):
    assert len(reference.losses) == 7 and reference.losses[-1] < reference.losses[0]
    assert [step for step, _ in reference.validation] == [3, 6, 7]


def test_killed_twice_and_restarted_ends_in_bit_equal_losses(reference, tmp_path):
    for step in (3, 6):
        killed = worker(tmp_path, step)
        assert killed.returncode == -9, killed.stderr[-2000:]
    assert restore(tmp_path / CHECKPOINT)["step"] == 6
    finished = worker(tmp_path)
    assert finished.returncode == 0, finished.stderr[-2000:]
    losses, validation = json.loads((tmp_path / "history.json").read_text())
    assert losses == reference.losses and validation == reference.validation


def test_two_gloo_processes_give_the_single_process_losses(reference, tmp_path):
    command = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    done = worker(tmp_path, command=command)
    assert done.returncode == 0, done.stderr[-2000:]
    losses, validation = json.loads((tmp_path / "history.json").read_text())
    np.testing.assert_allclose(losses, reference.losses, atol=1e-5, rtol=0)
    np.testing.assert_allclose(validation, reference.validation, atol=1e-5, rtol=0)


def test_accumulated_micro_batches_give_the_whole_batchs_losses(reference, tmp_path):
    model = build("vanilla_12l", proportional(24, 61), 16)
    one = next(g for g in np.arange(1, 200) / 1e4 if fits(model, g) == 1)
    accumulated = run(tmp_path, memory_gib=one)
    np.testing.assert_allclose(accumulated.losses, reference.losses, atol=1e-5, rtol=0)


def fits(model, gibibytes):
    try:
        return budget.micro_batch(model, 8, PARAMS.model_copy(update={"memory_gib": gibibytes}))
    except TrainingError:
        return 0


def test_loss_is_the_models_own():
    model = build("crown", proportional(24, 61), 16)
    ids = torch.randint(0, 61, (3, 16), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(NextTokenLoss(model)(ids), model(input_ids=ids, labels=ids).loss)


def test_attention_without_masks_equals_the_models_own():
    model = build("crown", proportional(24, 61), 16)
    ids = torch.randint(0, 61, (3, 16), generator=torch.Generator().manual_seed(0))
    own = model(input_ids=ids).logits
    with without_masks(model):
        assert model.model.layers[3].self_attn.config._attn_implementation == "strata_causal"
        torch.testing.assert_close(model(input_ids=ids).logits, own)
    assert model.config._attn_implementation == "sdpa"


def test_one_step_of_constant_rate_is_adamws_without_decay_on_the_embedding(tmp_path):
    changes = {"steps": 1, "schedule": "constant", "warmup_steps": 0}
    run(tmp_path, **changes)
    trained = restore(tmp_path / CHECKPOINT)["model"]
    params = PARAMS.model_copy(update=changes)
    tokens = np.random.default_rng(0).integers(0, 61, 40 * 16 + 3).astype(np.uint16)
    model = build("vanilla_12l", proportional(24, 61), 16)
    ids = Sequences(tokens, 16, params.seed).batch(0, 8)
    model(input_ids=ids, labels=ids).loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for name, parameter in model.named_parameters():
        gradient = parameter.grad
        decay = 0 if "embed" in name else params.learning_rate * params.weight_decay
        step = params.learning_rate * gradient / (gradient.abs() + params.eps)
        expected = parameter * (1 - decay) - step
        torch.testing.assert_close(trained[name], expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(("precision", "moved"), [("pure_bf16", False), ("bf16_autocast", True)])
def test_norm_gains_cannot_move_in_pure_bf16(tmp_path, precision, moved):
    run(tmp_path, precision=precision, learning_rate=6e-4, schedule="constant", warmup_steps=0)
    weights = restore(tmp_path / CHECKPOINT)["model"]
    gains = torch.cat([weight.float() for name, weight in weights.items() if "norm" in name])
    assert bool((gains != 1).any()) == moved


@given(st.integers(1, 50), st.integers(1, 7), st.integers(0, 99))
def test_every_epoch_shows_every_sequence_once(count, size, seed):
    data = Sequences(np.repeat(np.arange(count), 4).astype(np.uint16), 4, seed)
    seen = torch.cat([data.batch(step, size) for step in range(3 * count)])[: 3 * count, 0]
    for epoch in seen.view(3, count):
        assert sorted(epoch.tolist()) == list(range(count))


@given(st.integers(0, 20), st.sampled_from(["constant", "cosine"]), st.integers(0, 5))
def test_learning_rate_stays_within_bounds(step, schedule, warmup):
    params = PARAMS.model_copy(
        update={"schedule": schedule, "warmup_steps": warmup, "steps": 21, "learning_rate": 1.0}
    )
    assert 0 < budget.learning_rate(params, step) <= 1
    if step == warmup or (schedule == "constant" and step >= warmup):
        assert budget.learning_rate(params, step) == 1


def test_empty_corpus_is_refused():
    with pytest.raises(TrainingError, match="has 3 tokens, expected at least one sequence of 16"):
        Sequences(np.zeros(3, np.uint16), 16, 0)


@pytest.mark.parametrize(("tokens", "processes"), [(128, 3), (130, 1), (8, 1)])
def test_batch_that_cannot_be_shared_out_is_refused(tokens, processes):
    params = PARAMS.model_copy(update={"batch_tokens": tokens})
    with pytest.raises(TrainingError, match=f"batch_tokens {tokens} .* by {processes} processes"):
        budget.shared_out(params, World(0, processes, torch.device("cpu")))


def test_too_little_memory_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="memory_gib 1e-09: one sequence needs about"):
        run(tmp_path, memory_gib=1e-9)


def test_non_finite_loss_names_the_step_and_keeps_the_checkpoint(tmp_path):
    with pytest.raises(TrainingError, match=r"step [2-7]: the loss is nan"):
        run(tmp_path, checkpoint_every=1, learning_rate=1e38, warmup_steps=3)
    assert restore(tmp_path / CHECKPOINT)["step"] >= 1


def test_foreign_checkpoint_is_refused(tmp_path):
    run(tmp_path, steps=2)
    with pytest.raises(TrainingError, match="of a run with other parameters"):
        run(tmp_path, steps=3)


def test_compiled_blocks_give_the_eager_losses_and_share_graphs(reference, tmp_path):
    stats = torch._dynamo.utils.counters["stats"]
    stats.clear()
    changes = {"compile": True, "steps": 4, "schedule": "constant"}
    eager = run(tmp_path / "eager", **changes | {"compile": False})
    first = run(tmp_path / "first", **changes)
    shapes = len(set(layer_shapes("vanilla_12l", proportional(24, 61))))
    assert stats["unique_graphs"] == shapes + 2, "one a shape, the final norm, the loss"
    again = run(tmp_path / "again", **changes)
    assert stats["unique_graphs"] == shapes + 2, "another model of equal shapes compiles nothing"
    np.testing.assert_allclose(first.losses, eager.losses, atol=1e-5, rtol=0)
    np.testing.assert_allclose(first.validation, eager.validation, atol=1e-5, rtol=0)
    assert again == first


def test_compiled_blocks_are_called_as_before_afterwards():
    model = build("crown", proportional(24, 61), 16)
    with compiled(model):
        assert all(block._compiled_call_impl for block in model.model.layers)
    assert not any(module._compiled_call_impl for module in model.modules())
