"""Papers A and C on paper B's trained models: ablation, structure and schedules of every run.

Every trained model has its untrained twin as null: the same widths with the weights it began from.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from transformers import PreTrainedModel

from strata import nulls, schedules
from strata.anatomy import structure
from strata.anatomy.ablation import ablate, passage_table
from strata.evidence import MODEL, RANDOM
from strata.execution import passage_nll, sweep
from strata.lws import readers, trained
from strata.lws.resampling import Result
from strata.models import blocks
from strata.painters import variants
from strata.painters.params import VariantParams
from strata.schedules import Schedule
from strata.text import TokenBatch

SWAP = "swap"
INITIAL_SEED = 0  # every run begins from the same draw, as the authors' do


class Subject(NamedTuple):
    """One model to measure: the variant (a control's says so), the run's seed, trained or not."""

    model: str
    seed: int
    subject: str

    def __str__(self) -> str:
        return f"{self.model} {self.subject}"


def subjects(results: Iterable[Result], models: Path) -> Iterator[tuple[Subject, PreTrainedModel]]:
    """Each run's trained model, then its untrained twin where no run before had the same widths.

    Raises:
        TrainingError: a model is not on this machine, or not that of its result.
    """
    seen = []
    for result in results:
        model = trained.load(result, models / result["run"])
        name = model_name(result)
        yield Subject(name, result["seed"], MODEL), model
        if (name, model.config.layer_shapes) not in seen:
            seen.append((name, model.config.layer_shapes))
            twin = nulls.random_initialisation(model, INITIAL_SEED)
            yield Subject(name, result["seed"], RANDOM), twin


def model_name(result: Result) -> str:
    """The variant, or what the control's layers are made of."""
    control = ".shuffled_depth_roles" if result["shuffled_depth_roles"] else ""
    return result["variant"] + control


def token_batches(documents: readers.Validation, size: int) -> list[TokenBatch]:
    """Held-out documents as batches of `size` rows."""
    first = torch.ones(len(documents.ids_NxL), 1, dtype=torch.long)
    mask_NxL = torch.cat([first, documents.real_NxL.long()], dim=1)
    rows = torch.arange(len(mask_NxL))
    parts = (each.split(size) for each in (rows, documents.ids_NxL, mask_NxL))
    return [TokenBatch(own.tolist(), ids, mask) for own, ids, mask in zip(*parts, strict=True)]


def measure(
    model: PreTrainedModel, batches: list[TokenBatch], plan: VariantParams, label: str
) -> dict[str, pd.DataFrame]:
    """Paper A's ablation (layers left out: neighbours of other widths cannot be averaged), the
    statistics of every layer, and paper C's swaps and variants by `plan`.

    Returns:
        layers: a row a layer; nll: a row a document under every ablation; schedules: a row a
        schedule with a column a document.
    """
    weights = structure.weight_structure(model, label)
    features = structure.layer_features(weights, structure.stream_structure(model, batches))
    sizes = [sum(p.numel() for p in block.parameters()) for block in blocks(model)]
    return {
        "layers": features.reset_index().assign(parameters=sizes),
        "nll": passage_table(ablate(model, batches, "skip", label)),
        "schedules": _scheduled(model, batches, _cases(len(sizes), plan)),
    }


def _cases(T: int, plan: VariantParams) -> dict[tuple[str, int, int], Schedule]:
    """(swap, layer, 0) or (variant, affected layers, replica) -> schedule."""
    swaps = {(SWAP, i, 0): schedules.swap_layers(T, i) for i in range(T - 1)}
    return swaps | {
        (case.variant, case.affected, case.replica): case.schedule
        for case in variants.cases(T, plan)
    }


def _scheduled(
    model: PreTrainedModel,
    batches: Sequence[TokenBatch],
    cases: dict[tuple[str, int, int], Schedule],
) -> pd.DataFrame:
    """Summed nats of each document under each schedule; random orders are averaged."""
    order = [row for batch in batches for row in batch.rows]
    found = sweep(model, list(cases.values()), batches, passage_nll)
    rows = [torch.cat(each).cpu().numpy() for each in found]
    names = pd.MultiIndex.from_tuples(cases, names=["change", "place", "replica"])
    table = pd.DataFrame(rows, index=names, columns=[f"nll_D{row}" for row in order])
    return table.groupby(["change", "place"], sort=False).mean().reset_index()
