"""Paper B's training runs: which there are, running one, and keeping what it measured."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from transformers import PreTrainedModel

from strata.lws import readers, trained
from strata.lws.model import build
from strata.lws.params import LwsGroup, LwsTrainParams
from strata.lws.scaling import (
    Geometry,
    LayerShape,
    count_parameters,
    layer_shapes,
    proportional,
    shuffled_depth_roles,
    training_flops,
)
from strata.params.training import TrainingParams
from strata.records import write_json
from strata.text import Corpus
from strata.training import Sequences, World, train

SOURCE_ROOT = Path(__file__).parents[1]
SOURCES = ("training", "lws/model.py", "lws/scaling.py", "lws/readers.py", "lws/runs.py")
CURVE_POINTS = 200


class Run(NamedTuple):
    """One training run of a group."""

    group: LwsGroup
    variant: str
    reader: readers.Reader
    seed: int

    @property
    def name(self) -> str:
        return f"{self.group.name}-{self.variant}-{self.reader}-seed{self.seed}"

    def shapes(self, geometry: Geometry) -> list[LayerShape]:
        """The layers; a control's are the variant's in an order drawn from the run's seed."""
        shapes = layer_shapes(self.variant, geometry)
        if self.group.shuffled_depth_roles:
            return shuffled_depth_roles(shapes, self.seed)
        return shapes

    def training(self, params: LwsTrainParams) -> TrainingParams:
        """The loop's parameters with the group's own; the seed orders the data."""
        own = {key: getattr(self.group, key) for key in ("steps", "learning_rate", "precision")}
        return TrainingParams(**params.loop.model_dump(), **own, seed=self.seed)


def planned(params: LwsTrainParams) -> Iterator[Run]:
    """All runs, in order of priority: group by group, seed by seed, so pairs end together."""
    for group in params.groups:
        for seed in group.seeds:
            for variant in group.variants:
                for reader in group.readers:
                    yield Run(group, variant, reader, seed)


def fingerprint(run: Run, params: LwsTrainParams, corpus: Corpus) -> str:
    """A hash of all that a run's numbers depend on: parameters, tokens, and the code itself."""
    facts = {
        "run": [run.group.model_dump(mode="json"), run.variant, run.reader, run.seed],
        "loop": params.loop.model_dump(mode="json"),
        "documents": params.validation_documents,
        "tokens": [store.header["crc32"] for store in (corpus.train, corpus.validation)],
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for source in SOURCES:
        place = SOURCE_ROOT / source
        for file in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def models(work: Path) -> Path:
    """The folder of the trained models, one in a folder of its run's name."""
    return work / "models"


def checkpoints(work: Path) -> Path:
    """The folder of unfinished runs."""
    return work / "checkpoints"


def finished(run: Run, fingerprint: str, results: Path, work: Path) -> bool:
    """Whether a run's model is kept and its result still belongs to these parameters and code."""
    file = results / f"{run.name}.json"
    if not (file.is_file() and trained.kept(models(work) / run.name)):
        return False
    return json.loads(file.read_text(encoding="utf-8"))["fingerprint"] == fingerprint


def execute(
    run: Run, params: LwsTrainParams, corpus: Corpus, world: World, results: Path, work: Path
) -> None:
    """Train and measure one run; its result appears in `results` as it ends.

    Args:
        work: folder for the checkpoints of all runs, from which a killed run carries on, and for
            the trained models.

    Raises:
        TrainingError: the run cannot go on; what was saved before stays.
    """
    key = fingerprint(run, params, corpus)
    training = run.training(params)
    geometry = proportional(run.group.d_model, corpus.train.header["vocabulary_size"])
    shapes = run.shapes(geometry)
    length = training.sequence_length
    model = build(run.variant, geometry, length, shapes=shapes).to(world.device)
    held_out = readers.validation(
        run.reader, corpus.validation, params.validation_documents, length
    )
    untrained = readers.measure(model, held_out, training.precision)
    tokens = readers.training_tokens(run.reader, corpus.train)
    history = train(
        model,
        Sequences(tokens, length, run.seed),
        training,
        world,
        checkpoints(work) / f"{run.name}-{key}",
        lambda current: readers.measure(current, held_out, training.precision).reported,
    )
    every = -(-len(history.losses) // CURVE_POINTS)
    result = {
        "fingerprint": key,
        "run": run.name,
        "group": run.group.name,
        "variant": run.variant,
        "reader": run.reader,
        "seed": run.seed,
        "shuffled_depth_roles": run.group.shuffled_depth_roles,
        "d_model": run.group.d_model,
        "precision": training.precision,
        "learning_rate": training.learning_rate,
        "steps": training.steps,
        "positions_per_step": training.batch_tokens,
        "corpus_tokens": len(corpus.train.tokens),
        "parameters": count_parameters(shapes, geometry),
        "flops_per_position": training_flops(shapes, geometry, length),
        "training_curve": [
            [step + 1, loss] for step, loss in enumerate(history.losses) if step % every == 0
        ],
        "validation_curve": history.validation,
        "untrained": untrained._asdict(),
        "documents": readers.measure(model, held_out, training.precision)._asdict(),
        "norm_gains": _norm_gains(model),
    }
    if world.rank == 0:
        weights = trained.keep(model, models(work) / run.name)
        write_json(results / f"{run.name}.json", result | {"weights_sha256": weights})


def _norm_gains(model: PreTrainedModel) -> dict[str, float]:
    """How far the norm gains are from where they began, 1.0."""
    gains = [p.detach().float() for name, p in model.named_parameters() if "norm" in name]
    moves = [(gain - 1).abs() for gain in gains]
    count = sum(move.numel() for move in moves)
    return {
        "count": count,
        "moved": int(sum((move > 0).sum() for move in moves)),
        "largest_move": float(max(move.max() for move in moves)),
    }
