"""Shared: tiny random decoders of five families, none downloaded, and the smoke profile."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from reader import driver, write_report
from transformers import (
    AutoModelForCausalLM,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Olmo2Config,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
)

from strata import params, schedules
from strata.models import blocks
from strata.params import Params, Section
from strata.schedules import Schedule
from strata.text import TokenBatch, TokenStore
from strata.text.tokens import TokenWriter

SHAPE = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
GROUPED = SHAPE | {"num_key_value_heads": 2}
FAMILIES: dict[str, PretrainedConfig] = {
    "llama": LlamaConfig(**GROUPED),
    "mistral": MistralConfig(**GROUPED, sliding_window=8),
    "gpt_neox": GPTNeoXConfig(**SHAPE),
    "olmo2": Olmo2Config(**GROUPED),
    "qwen2": Qwen2Config(**GROUPED),
}


def tiny(family: str) -> PreTrainedModel:
    return drawn(FAMILIES[family])


def drawn(config: PretrainedConfig, kind: type = AutoModelForCausalLM) -> PreTrainedModel:
    """A frozen model of random weights so large that every layer matters."""
    torch.manual_seed(0)
    model = kind.from_config(deepcopy(config), dtype=torch.float32)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model.requires_grad_(False).eval()


def by_hand(model: PreTrainedModel, schedule: Schedule, run: Callable[[], object]) -> torch.Tensor:
    """What leaves a schedule's blocks, called one by one with the arguments that `run` gives them.

    Without scheduled or sweep; not yet normalised.
    """
    seen = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, a, k: seen.append((a, k)), with_kwargs=True)
        for layer in blocks(model)
    ]
    run()
    for hook in hooks:
        hook.remove()
    hidden = seen[0][0][0]
    for step in schedule.steps:
        outputs = [
            hidden
            if i == schedules.THROUGH
            else blocks(model)[i](hidden, *seen[i][0][1:], **seen[i][1])
            for i in schedules.members_of(step)
        ]
        hidden = torch.stack(outputs).mean(dim=0)
    return hidden


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    """A command with this environment's programs first, and its output as text."""
    binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": binaries, "DVC_NO_ANALYTICS": "1"} | environment
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)


def stored(file: Path, documents: Iterable[Sequence[int]]) -> TokenStore:
    """A token file of 61 words."""
    writer = TokenWriter(file, SHAPE["vocab_size"], "0" * 64, "test")
    for document in documents:
        writer.append(document)
    return writer.finish()


@pytest.fixture
def set_threads():
    """Sets how many threads torch computes with, until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(params=FAMILIES)
def any_model(request: pytest.FixtureRequest) -> PreTrainedModel:
    return tiny(request.param)


@pytest.fixture
def model() -> PreTrainedModel:
    return tiny("llama")


@pytest.fixture
def batch() -> TokenBatch:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, SHAPE["vocab_size"], (5, 14), generator=generator)
    mask = torch.ones_like(ids)
    for row, length in enumerate((14, 9, 3, 2, 12)):
        ids[row, length:] = 0
        mask[row, length:] = 0
    return TokenBatch([3, 0, 4, 1, 2], ids, mask)


@pytest.fixture(scope="session")
def settings() -> Params:
    return params.compose("smoke")


@pytest.fixture(scope="module")
def section(request: pytest.FixtureRequest, settings: Params) -> Section:
    """The section of the smoke profile that a test module calls SECTION."""
    return getattr(settings, request.module.SECTION)


def draws(*profile: float, resamples: int = 200) -> np.ndarray:
    """A profile without uncertainty: (T, 1 + B)."""
    return np.repeat(np.array(profile, dtype=float)[:, None], resamples + 1, axis=1)


def write_wheel(folder: Path, name: str, members: dict[str, str | bytes]) -> Path:
    """A wheel of version 1.0 that pip can find without a network."""
    stem = name.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
        **members,
    }
    wheel = folder / f"{stem}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return wheel


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """The report's folder, from the notebooks' committed outputs."""
    folder = tmp_path_factory.mktemp("report")
    write_report(folder)
    return folder


@pytest.fixture(scope="session")
def browser():
    """Chromium; skipped where it is not installed."""
    found = driver()
    yield found
    found.quit()
