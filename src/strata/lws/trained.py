"""The trained models in the hub's layout: kept as a run ends, checked by hash on reading."""

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import PreTrainedModel

from strata.lws.model import LwsForCausalLM
from strata.records import sha256
from strata.training import TrainingError

WEIGHTS = "model.safetensors"


def keep(model: PreTrainedModel, folder: Path) -> str:
    """Save a model, in the place of what the folder held before; the sha256 of its weights.

    Raises:
        TrainingError: it cannot be written.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        model.save_pretrained(part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"cannot write the trained model to {folder} ({error}). Make room and run again"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return sha256(folder / WEIGHTS)


def kept(folder: Path) -> bool:
    """Whether a run's trained model is on this machine."""
    return (folder / WEIGHTS).is_file()


def load(result: dict[str, Any], folder: Path) -> LwsForCausalLM:
    """The model that a run's result is about, in fp32 and evaluation mode, on the GPU if any.

    Raises:
        TrainingError: it is not here, or its weights are not those of the result.
    """
    if not kept(folder):
        raise TrainingError(
            f"{folder}: no trained model, expected {WEIGHTS}. Run 21_lws_train.py, which trains "
            f"the runs whose models are not on this machine"
        )
    found = sha256(folder / WEIGHTS)
    if found != result["weights_sha256"]:
        raise TrainingError(
            f"{folder / WEIGHTS}: expected sha256 {result['weights_sha256']}, found {found}. "
            f"Delete the folder and run 21_lws_train.py"
        )
    model = LwsForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
    )
    model.requires_grad_(False)
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
