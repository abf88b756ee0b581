"""Does this device compute what a CPU does? Writes results/large/provenance/self_check.json.

Under a minute. Paper B's stages at the smoke profile on the device, against the same training on
the CPU beside it and against results/smoke/; causal attention by the flash kernel, compiled
training and the sweep over schedules, each against the plain way.

    PYTHONPATH=src python bench/self_check.py
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import LlamaConfig, LlamaForCausalLM

from strata import params, paths, records, schedules
from strata.execution import passage_nll, scheduled, sweep
from strata.lws import VARIANTS, build
from strata.lws.scaling import proportional
from strata.params.training import TrainingParams
from strata.text import TokenBatch
from strata.training import Sequences, train, world
from strata.training.attention import causal_attention

PROFILE = "smoke"
COMMITTED = paths.results(PROFILE)
STAGES = ("20_lws_architecture", "21_lws_train", "22_lws_compare", "23_lws_throughput")
COPIED = ("src", "profiles", "params.yaml", "data/papers", f"data/tokens/{PROFILE}")
EXACT, FP32, BF16 = 0.0, 1e-3, 2e-2  # nats a position
T = 8  # layers of the tiny Llama
KINDS = (schedules.skip, schedules.middle_repeat, schedules.reverse, schedules.parallel)


class NotComparableError(ValueError):
    """A check that would say nothing here."""


class Check(NamedTuple):
    """The largest difference found, what it may be, and what was compared."""

    difference: float
    tolerance: float
    compared: str


def main() -> None:
    with world() as here:
        device = here.device
    checks: dict[str, dict[str, Any]] = {}
    about = {
        "device": records.gpu() if device.type == "cuda" else device.type,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "checks": checks,
    }
    with TemporaryDirectory() as folder:
        ours, cpu = (run_stages(Path(folder) / name) for name in ("device", "cpu"))
        for name, check in {
            "architecture": lambda: architecture(ours),
            "training_fp32": lambda: training(ours, cpu, ("fp32",), FP32),
            "training_bf16": lambda: training(ours, cpu, ("pure_bf16", "bf16_autocast"), BF16),
            "committed": lambda: training(ours, COMMITTED, ("fp32",), FP32),
            "speeds": lambda: speeds(ours),
            "attention": lambda: attention(device),
            "sweep": lambda: swept(device),
            "compiled_training": compiled_training,
        }.items():
            checks[name] = outcome(check)
            print(f"{name}: {checks[name]}", flush=True)
            records.write_json(paths.results("large") / "provenance" / "self_check.json", about)
    sys.exit(not all(check.get("passed", True) for check in checks.values()))


def outcome(check: Callable[[], Check]) -> dict[str, Any]:
    """A check as it is written down; an error is a failed check."""
    start = time.monotonic()
    try:
        found = check()
    except NotComparableError as error:
        return {"skipped": str(error)}
    except Exception as error:
        return {"passed": False, "error": f"{type(error).__name__}: {error}"[:500]}
    seconds = round(time.monotonic() - start, 1)
    passed = bool(found.difference <= found.tolerance)
    return {"passed": passed, "seconds": seconds, **found._asdict()}


def run_stages(copy: Path) -> Path:
    """The smoke stages in a copy of the tree, without a GPU where it is called cpu; the folder of
    their results."""
    for name in COPIED:
        source, place = paths.ROOT / name, copy / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():
            shutil.copy(source, place)
    variables = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(copy / "src"), os.environ.get("PYTHONPATH", "")])
    }
    if copy.name == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = ""
    for script in STAGES if copy.name != "cpu" else ("21_lws_train",):
        command = [sys.executable, str(copy / "src" / f"{script}.py"), "--profile", PROFILE]
        done = subprocess.run(command, cwd=copy, env=variables, capture_output=True, text=True)
        if done.returncode:
            print(f"{script} failed:\n{done.stderr[-2000:]}", flush=True)
    return copy / "results" / PROFILE


def architecture(results: Path) -> Check:
    """Counts are arithmetic: equal."""
    ours, theirs = (content(each / "lws" / "architecture.json") for each in (results, COMMITTED))
    return Check(float(ours != theirs), EXACT, "architecture.json, equal or not")


def training(results: Path, others: Path, precisions: tuple[str, ...], tolerance: float) -> Check:
    """Losses of every step and validation, where the runs saw the same tokens."""
    files = sorted((COMMITTED / "lws" / "runs").glob("*.json"))
    pairs = [
        [content(each / "lws" / "runs" / file.name) for each in (results, others)] for file in files
    ]
    pairs = [pair for pair in pairs if pair[1]["precision"] in precisions]
    versions = {torch_of(each) for each in (results, others)}
    if len(versions) > 1:
        raise NotComparableError(
            f"torch {' and '.join(sorted(versions))} draw other initial weights"
        )
    if any(ours["corpus_tokens"] != theirs["corpus_tokens"] for ours, theirs in pairs):
        raise NotComparableError("another corpus: data/tokens/smoke is not that of the evidence")
    moved = [
        np.abs(np.array(ours[curve]) - np.array(theirs[curve])).max()
        for ours, theirs in pairs
        for curve in ("training_curve", "validation_curve")
    ]
    return Check(float(max(moved)), tolerance, f"losses of {len(pairs)} runs, nats a position")


def speeds(results: Path) -> Check:
    """Every variant has a speed; how many have none."""
    file = results / "provenance" / "lws_throughput.csv"
    rows = np.genfromtxt(file, delimiter=",", names=True, dtype=None, encoding="utf-8")
    timed = set(rows["variant"][rows["positions_per_second"] > 0])
    return Check(float(len(VARIANTS) - len(timed)), EXACT, "variants without a speed")


def attention(device: torch.device) -> Check:
    """The flash kernel on grouped heads in bf16, against float64."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 6, 256, 64), (2, 2, 256, 64), (2, 2, 256, 64))
    exact = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    module = SimpleNamespace(num_key_value_groups=3)
    expected, _ = causal_attention(module, *exact, None)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        found, _ = causal_attention(module, *(x.to(device, torch.bfloat16) for x in exact), None)
    return Check(largest(found, expected), BF16, "outputs of the flash kernel")


def compiled_training() -> Check:
    """Four steps of Baseline 18L in bf16 autocast, compiled and not."""
    loop = params.read(paths.PARAMS).lws_train.loop
    tokens = np.random.default_rng(0).integers(0, 512, 40_000).astype(np.uint16)
    histories = []
    for compile in (False, True):
        settings = TrainingParams(
            **(loop.model_dump() | {"compile": compile, "batch_tokens": 2048, "validate_every": 9}),
            steps=4,
            learning_rate=1e-3,
            precision="bf16_autocast",
            seed=0,
        )
        data = Sequences(tokens, settings.sequence_length, 0)
        model = build("baseline_18l", proportional(96, 512), settings.sequence_length)
        with world() as here:
            histories.append(train(model, data, settings, here, None, lambda _: 0.0).losses)
    plain, compiled = histories
    return Check(float(np.abs(np.subtract(plain, compiled)).max()), BF16, "losses of 4 steps")


def swept(device: torch.device) -> Check:
    """Losses of a tiny Llama's passages under many schedules, in one sweep and one by one."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=T,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model = LlamaForCausalLM(config).eval().to(device)
    many = [
        schedules.full(T),
        *(kind(T, s) for s in schedules.starts(T) for kind in KINDS),
        *schedules.random_orders(T, 0, 5, seed=0),
        schedules.parallel(T, 1, 3),
    ]
    ids = torch.randint(1, 512, (4, 40), generator=torch.Generator().manual_seed(1))
    batch = TokenBatch([0, 1, 2, 3], ids, torch.ones_like(ids)).to(device)
    together = sweep(model, many, [batch], passage_nll)
    moved = []
    for schedule, (nll_B,) in zip(many, together, strict=True):
        with scheduled(model, schedule), torch.no_grad():
            logits_BxLxV = model(input_ids=batch.ids_BxL).logits[:, :-1]
        expected_BxL = torch.nn.functional.cross_entropy(
            logits_BxLxV.transpose(1, 2), batch.ids_BxL[:, 1:], reduction="none"
        )
        moved.append(largest(nll_B / 39, expected_BxL.mean(dim=1)))
    return Check(max(moved), 1e-4, f"nats a token under {len(many)} schedules")


def torch_of(results: Path) -> str:
    """The version of torch that trained, without its build."""
    libraries = content(results / "provenance" / "lws_train.json")["libraries"]
    return libraries["torch"].split("+")[0]


def content(file: Path) -> dict[str, Any]:
    """A file of evidence."""
    return json.loads(file.read_text(encoding="utf-8"))


def largest(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest absolute difference."""
    return float((ours.double().cpu() - theirs.double().cpu()).abs().max())


if __name__ == "__main__":
    main()
