"""Paper B's training runs: which there are, running one, and keeping what it measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from transformers import PreTrainedModel

from strata import paths
from strata.errors import StrataError
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
from strata.results import read_json
from strata.text import Corpus
from strata.training import History, Sequences, World, train
from strata.work import Work

Result = dict[str, Any]

COUNTING = ("lws/model.py", "lws/readers.py", "lws/runs.py", "lws/scaling.py")
SOURCES = [
    paths.SRC / "strata" / place for place in ("training", "text/as_published.py", *COUNTING)
]
RESULT = "result.json"  # beside a trained model
CURVE_POINTS = 200


class RunError(StrataError, RuntimeError):
    """A run that is asked for is not there, or failed; the others are kept."""


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


def work_of(run: Run, params: LwsTrainParams, corpus: Corpus) -> Work:
    """A run's unfinished work; its key follows from parameters, tokens and the code that counts."""
    facts = {
        "run": [run.name, run.group.d_model, run.group.shuffled_depth_roles],
        "training": run.training(params).model_dump(mode="json"),
        "documents": params.validation_documents,
        "tokens": [store.header["crc32"] for store in (corpus.train, corpus.validation)],
    }
    return Work("lws_train", facts, SOURCES)


def models(folder: Path) -> Path:
    """The folder of a profile's trained models, each in a folder of its run's name."""
    return folder / "models"


def finished(run: Run, work: Work, models: Path) -> Result | None:
    """A run's result, if its model is kept and both belong to these parameters and code."""
    file = models / run.name / RESULT
    if not (file.is_file() and trained.kept(file.parent)):
        return None
    found = read_json(file)
    return found["result"] if found.get("work") == work.key else None


def execute(
    run: Run, params: LwsTrainParams, corpus: Corpus, world: World, results: Path, models: Path
) -> None:
    """Train and measure one run, from its checkpoint if it was killed.

    Its result appears in `results` as it ends, and beside its model in `models`.

    Raises:
        TrainingError, WorkError: the run cannot go on; what was saved before stays.
    """
    training, work = run.training(params), work_of(run, params, corpus)
    geometry = proportional(run.group.d_model, corpus.train.header["vocabulary_size"])
    shapes, length = run.shapes(geometry), training.sequence_length
    model = build(run.variant, geometry, length, shapes=shapes).to(world.device)
    held_out = readers.validation(
        run.reader, corpus.validation, params.validation_documents, length
    )

    def measured(current: PreTrainedModel) -> readers.DocumentLosses:
        return readers.measure(current, held_out, training.precision)

    untrained = measured(model)
    history = train(
        model,
        Sequences(readers.training_tokens(run.reader, corpus.train), length, run.seed),
        training,
        world,
        work.folder / run.name,
        lambda current: measured(current).reported,
    )
    result = {
        **{key: getattr(run, key) for key in ("variant", "reader", "seed")},
        **{key: getattr(run.group, key) for key in ("shuffled_depth_roles", "d_model")},
        **{key: getattr(training, key) for key in ("precision", "learning_rate", "steps")},
        **_curves(history),
        "run": run.name,
        "group": run.group.name,
        "positions_per_step": training.batch_tokens,
        "corpus_tokens": len(corpus.train.tokens),
        "parameters": count_parameters(shapes, geometry),
        "flops_per_position": training_flops(shapes, geometry, length),
        "untrained": untrained._asdict(),
        "documents": measured(model)._asdict(),
        "norm_gains": _norm_gains(model),
    }
    if world.rank == 0:
        folder = models / run.name
        result["weights_sha256"] = trained.keep(model, folder)
        write_json(folder / RESULT, {"work": work.key, "result": result})
        write_json(results / f"{run.name}.json", result)
        work.clear()


def _curves(history: History) -> Result:
    """The validation losses, and at most CURVE_POINTS of the training losses."""
    every = -(-len(history.losses) // CURVE_POINTS)
    points = [[step + 1, loss] for step, loss in enumerate(history.losses) if step % every == 0]
    return {"training_curve": points, "validation_curve": history.validation}


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
