"""A tiny training run for the tests, as a process of its own: it may be killed, or be one of two.

python tests/training_worker.py FOLDER [KILL_BEFORE_STEP]
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

from strata.lws import build
from strata.lws.scaling import proportional
from strata.params.training import TrainingParams
from strata.training import History, Sequences, train, world

PARAMS = TrainingParams(
    sequence_length=16,
    batch_tokens=128,
    memory_gib=1,
    schedule="cosine",
    warmup_steps=2,
    weight_decay=0.01,
    betas=(0.9, 0.95),
    eps=1e-8,
    clip=1.0,
    compile=False,
    validate_every=3,
    checkpoint_every=2,
    steps=7,
    learning_rate=3e-3,
    precision="fp32",
    seed=5,
)


class Killed(Sequences):
    """Ends the process with SIGKILL when a step asks for its data."""

    def batch(self, step: int, size: int) -> torch.Tensor:
        if step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().batch(step, size)


def run(folder: Path, kind: type[Sequences] = Sequences, **changes: object) -> History:
    params = PARAMS.model_copy(update=changes)
    tokens = np.random.default_rng(0).integers(0, 61, 40 * 16 + 3).astype(np.uint16)
    data = kind(tokens, params.sequence_length, params.seed)
    model = build("vanilla_12l", proportional(24, 61), 16)
    held_out = torch.from_numpy(tokens[:32].astype(np.int64)).view(2, 16)

    @torch.no_grad()
    def validate(current):
        return float(current(input_ids=held_out, labels=held_out).loss)

    with world() as here:
        return train(model, data, params, here, folder, validate)


if __name__ == "__main__":
    torch.set_num_threads(1)
    history = run(Path(sys.argv[1]), Killed if len(sys.argv) > 2 else Sequences)
    if os.environ.get("RANK", "0") == "0":
        (Path(sys.argv[1]) / "history.json").write_text(json.dumps(history))
