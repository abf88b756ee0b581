"""Checkpoints that appear whole or not at all."""

import os
from pathlib import Path
from typing import Any

import torch

from strata.training.errors import TrainingError

NAME = "checkpoint.pt"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Replace a folder's checkpoint by `state`, in one step.

    Raises:
        TrainingError: it could not be written; the last good checkpoint is still there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{NAME}.part"
    try:
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, folder / NAME)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        kept = "the last good one is kept" if (folder / NAME).is_file() else "there was none before"
        raise TrainingError(
            f"step {state['step']}: cannot write a checkpoint to {folder} ({error}); {kept}. Make "
            f"room and run again"
        ) from error


def load(folder: Path, device: torch.device) -> dict[str, Any] | None:
    """A folder's checkpoint, or None if there is none.

    Raises:
        TrainingError: the file cannot be read.
    """
    file = folder / NAME
    if not file.is_file():
        return None
    try:
        return torch.load(file, map_location=device, weights_only=True)
    except Exception as error:
        raise TrainingError(
            f"{file}: not a readable checkpoint ({type(error).__name__}). Delete it to start anew"
        ) from error
