"""A model of the user's through the stages of papers A and C, in a folder of its own.

The stages are those of the pipeline, at the sizes below; only where they write is another.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from strata import paths, pipeline, profiles
from strata.anatomy import subjects
from strata.errors import StrataError
from strata.evidence import Evidence
from strata.execution import Speed, passage_nll, sample, speed, sweep
from strata.look import agreement
from strata.models import blocks
from strata.params import Params, compose
from strata.params.composing import merge
from strata.text import TokenBatch, read_passages

STAGES = ("anatomy_ablation", "anatomy_structure", "painters_similarity")
PASSAGES, FEW, AGREEMENT_PASSAGES = 32, 8, 12
LEAST_LAYERS = 5
BATCH = 16
SIZES: dict[str, Any] = {
    "evaluation_text": {"max_passages": PASSAGES},
    "anatomy_ablation": {
        "batch_size": BATCH,
        "skip_passages": FEW,
        "null_passages": FEW,
        "resamples": 2000,
        "draws": 200,
        "draw_size": FEW // 2,
    },
    "anatomy_structure": {"batch_size": BATCH, "passages": 2 * FEW, "resamples": 2000},
    "painters_similarity": {"batch_size": BATCH, "passages": PASSAGES},
    "painters_variants": {"orders": 2},
}


class LookError(StrataError):
    """A model or a text that cannot be looked at."""


def found(model: str) -> tuple[str, Path]:
    """A model's name, fit for a folder, and its files: a local folder, or a repository of the hub.

    Raises:
        LookError: it is neither, or the hub cannot be reached.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _name(folder.resolve().name), folder.resolve()
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        raise LookError(
            f"MODEL={model}: expected a folder, or owner/name on the hub; found neither"
        )
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.safetensors", "*.model", "*.txt"]
    try:
        return _name(model), Path(snapshot_download(model, allow_patterns=patterns))
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LookError(
            f"MODEL={model}: no such folder, and the hub does not give it ({reason}). Check the "
            f"name, the network and the licence"
        ) from error


def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "--", text).strip("-._") or "model"


def settings_for(name: str, folder: Path, text: Path | None) -> Params:
    """The base profile's parameters for one model and text, at the sizes of a look.

    Raises:
        LookError: the text has too few passages.
    """
    base = compose(profiles.base())
    local = {"source": "path", "path": {"name": name, "folder": str(folder)}}
    changes = SIZES | {"profile": name, "anatomy_model": local, "painters_model": local}
    if text:
        source = {"source": "path", "path": str(text)}
        changes = merge(changes, {"evaluation_text": source})
    settings = type(base).model_validate(merge(base.model_dump(), changes))
    if len(passages := read_passages(settings)) < PASSAGES:
        raise LookError(
            f"TEXT={text}: expected {PASSAGES} lines of ten words or more, found {len(passages)}"
        )
    return settings


def loaded(settings: Params) -> PreTrainedModel:
    """The model, if it is one that can be looked at.

    Raises:
        LookError: too few layers, or a later token changes what was predicted before it.
        ModelError: the files cannot be read as a causal language model's.
    """
    model = subjects.loaded(settings).model
    name, depth = settings.profile, len(blocks(model))
    if depth < LEAST_LAYERS:
        raise LookError(f"{name}: expected {LEAST_LAYERS} layers or more, found {depth}")
    ids_BxL = sample(model).ids_BxL
    changed_BxL = ids_BxL.clone()
    changed_BxL[:, -1] += 1
    with torch.no_grad():
        one, other = (model(input_ids=ids).logits[:, :-1] for ids in (ids_BxL, changed_BxL))
    if not torch.allclose(one, other, rtol=1e-4, atol=1e-5):
        raise LookError(
            f"{name}: expected a decoder, found {type(model).__name__}, in which a later token "
            f"changes earlier predictions"
        )
    return model


def price(settings: Params, model: PreTrainedModel) -> str:
    """Layers, parameters, memory and minutes, from the seconds that one batch takes here."""
    T = len(blocks(model))
    tokens = _batches(settings, PASSAGES)
    counted = [sum(int(each.mask_BxL.sum()) for each in _batches(settings, count))
               for count in (PASSAGES, FEW, AGREEMENT_PASSAGES)]  # fmt: skip
    a_token = _a_token(model, tokens[0])
    plan = [schedule for *_, schedule in agreement.cases(T, _variants(settings, T))]
    ablated = (counted[0] + 5 * counted[1]) * (T * T / 2 * a_token.layer + T * a_token.readout)
    compared = counted[2] * a_token.seconds(plan)
    minutes = (ablated + compared) / 60 + 0.5
    size = model.num_parameters()
    return (
        f"{settings.profile}: {T} layers, {size / 1e6:,.0f}M parameters; about {minutes:.1f} "
        f"minutes and {1 + 16 * size / 2**30:.1f} GiB on this machine"
    )


def _a_token(model: PreTrainedModel, batch: TokenBatch) -> Speed:
    count = int(batch.mask_BxL.sum())
    run = lambda plan: sweep(model, plan, [batch], passage_nll)
    return Speed(*(each / count for each in speed(run, len(blocks(model)))))


def measure(settings: Params, model: PreTrainedModel) -> None:
    """Run every stage and the top-1 agreement; they write below paths.RESULTS."""
    for place, stage in enumerate(STAGES, 1):
        print(f"{place} of {len(STAGES) + 1}: {stage}", flush=True)
        import_module(pipeline.script(stage).stem).run(settings)
    print(f"{len(STAGES) + 1} of {len(STAGES) + 1}: painters_agreement", flush=True)
    section = _variants(settings, len(blocks(model)))
    made = agreement.cases(len(blocks(model)), section)
    batches = _batches(settings, AGREEMENT_PASSAGES)
    evidence = Evidence("painters", settings.profile)
    evidence.rows("agreement", agreement.table(model, batches, made, section))
    evidence.write_tables()


def _variants(settings: Params, T: int) -> Any:
    section = settings.painters_variants
    return section.model_copy(update={"affected": agreement.affected(T)})


def _batches(settings: Params, count: int) -> list[TokenBatch]:
    return subjects.token_batches(settings, count, BATCH)


@contextmanager
def results_in(folder: Path) -> Iterator[None]:
    """Let stages write below another folder than results/."""
    before, paths.RESULTS = paths.RESULTS, folder
    try:
        yield
    finally:
        paths.RESULTS = before
