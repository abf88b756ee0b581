"""An encoder under every schedule on GLUE's tasks: both readings, of the model and its nulls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch

from strata import nulls
from strata.evidence import MODEL
from strata.models import LoadedModel, blocks
from strata.painters import classifiers, glue_scores
from strata.painters.encoder import batches, features
from strata.painters.finetuning import fine_tune
from strata.painters.glue_scores import Predictions, Scores
from strata.painters.params import GlueParams
from strata.painters.subjects import in_dtype
from strata.painters.variants import FULL, Case, cases, places
from strata.records import Estimate
from strata.statistics import estimate
from strata.tasks.glue import GLUE, GlueData, read_glue
from strata.work import Work

Reading = Literal["frozen", "finetuned"]
READINGS: tuple[Reading, ...] = ("frozen", "finetuned")


class Measured(NamedTuple):
    """One subject under one reading: its cases, the data, answers and scores of each task."""

    subject: str
    reading: Reading
    cases: list[Case]
    data: dict[str, GlueData]
    answers: dict[str, Predictions]
    scores: dict[str, Scores]

    @property
    def average(self) -> glue_scores.Curves:
        """The paper's summary: the plain average over tasks."""
        found = np.mean([score.mean for score in self.scores.values()], axis=0)
        return glue_scores.curves(self.cases, found)

    @property
    def guess(self) -> float:
        """The average score of guessing."""
        return float(np.mean([glue_scores.guess(task, each) for task, each in self.data.items()]))


def study(
    loaded: LoadedModel, params: GlueParams, read: Callable[..., dict[str, GlueData]], work: Work
) -> Iterator[Measured]:
    """Measure the model, then each null, frozen and then fine-tuned. Finished parts are reused.

    Args:
        read: `read_all` of these parameters, given subject and reading.

    Raises:
        TaskError, ModelError, ScheduleError: data, model or depth do not allow what is asked.
    """
    made = cases(len(blocks(loaded.model)), params)
    read()  # nothing runs before every file is known to be good
    for subject, model in nulls.subjects(loaded.model, params.seed):
        each = replace(loaded, model=model)
        for reading in READINGS:
            data = read(subject, reading)
            own = made if reading == "frozen" else finetuned_cases(made, params)
            answers = _answers(each, reading, own, data, params, work, subject)
            scores = {
                task: glue_scores.scores(task, found, params.resamples, params.seed)
                for task, found in answers.items()
            }
            yield Measured(subject, reading, own, data, answers, scores)


def read_all(
    params: GlueParams, local: str, subject: str = MODEL, reading: Reading = "frozen"
) -> dict[str, GlueData]:
    """The data of every task of a reading; nulls get fewer rows."""
    section = params if reading == "frozen" else params.finetuned
    items = section.items if subject == MODEL else section.null_items
    return {task: read_glue(task, params, items, local) for task in section.tasks}


def finetuned_cases(made: Sequence[Case], params: GlueParams) -> list[Case]:
    """The full model, and the variants and affected layers that are fine-tuned."""
    section = params.finetuned
    return [
        case
        for case in made
        if case.variant == FULL
        or (case.variant in section.variants and case.affected in section.affected)
    ]


def _answers(
    loaded: LoadedModel,
    reading: Reading,
    made: Sequence[Case],
    data: dict[str, GlueData],
    params: GlueParams,
    work: Work,
    subject: str,
) -> dict[str, Predictions]:
    """Task -> answers: (cases, seeds, N)."""
    units_of = _frozen if reading == "frozen" else _finetuned
    units = {task: units_of(loaded, made, task, each, params) for task, each in data.items()}
    named = {
        f"{subject}.{reading}.{name}": make
        for each in units.values()
        for name, make in each.items()
    }
    results = iter(work.every(named, f"{subject}, {reading}"))
    shape = len(made), len(getattr(params, reading).seeds), -1
    return {
        task: Predictions(
            data[task].validation.labels_N, np.reshape(list(islice(results, len(each))), shape)
        )
        for task, each in units.items()
    }


def _frozen(
    loaded: LoadedModel, made: Sequence[Case], task: str, data: GlueData, params: GlueParams
) -> dict[str, Callable[[], Any]]:
    return {task: lambda: frozen_answers(loaded, made, task, data, params).tolist()}


def frozen_answers(
    loaded: LoadedModel, made: Sequence[Case], task: str, data: GlueData, params: GlueParams
) -> torch.Tensor:
    """Answers of classifiers on features computed once for each schedule: (cases, seeds, N)."""
    model = in_dtype(loaded, params.dtype).model
    plan = [case.schedule for case in made]

    def read(texts: Sequence[tuple[str, ...]]) -> torch.Tensor:
        parts = batches(texts, loaded.tokenizer, params.batch_size, params.max_tokens)
        return features(model, plan, parts, params.pooling, params.memory_gib)

    train_SxNxD, validation_SxNxD = read(data.train.texts), read(data.validation.texts)
    labels_N, outputs = torch.as_tensor(data.train.labels_N), GLUE[task].labels
    features_of = lambda rows: train_SxNxD[:, rows]
    heads = (
        classifiers.trained(features_of, labels_N, outputs, params.frozen, seed)
        for seed in params.frozen.seeds
    )
    return torch.stack([classifiers.predictions(each, validation_SxNxD) for each in heads], dim=1)


def _finetuned(
    loaded: LoadedModel, made: Sequence[Case], task: str, data: GlueData, params: GlueParams
) -> dict[str, Callable[[], Any]]:
    def answers(case: Case, seed: int) -> list[Any]:
        tuned = fine_tune(loaded, case.schedule, data, GLUE[task].labels, params, seed)
        return tuned.predictions_N.tolist()

    return {
        f"{task}.{case.name}.{seed}": partial(answers, case, seed)
        for case in made
        for seed in params.finetuned.seeds
    }


def by_metric(found: Measured) -> pd.DataFrame:
    """A row a task, metric, variant and M."""
    tables = {
        (task, metric): glue_scores.table(glue_scores.curves(found.cases, score))
        for task, scores in found.scores.items()
        for metric, score in scores.metrics.items()
    }
    return pd.concat(tables, names=["task", "metric"]).reset_index([0, 1]).reset_index(drop=True)


def items(found: Measured, seeds: Sequence[int]) -> pd.DataFrame:
    """A row a task and validation item: its label, and the answer of every case and seed."""
    columns = [f"{case.name}:seed{seed}" for case in found.cases for seed in seeds]
    tables = {
        task: pd.DataFrame(each.answers.reshape(len(columns), -1).T, columns=columns).assign(
            label=each.labels_N
        )
        for task, each in found.answers.items()
    }
    table = pd.concat(tables, names=["task", "item"]).reset_index()
    return table[["task", "item", "label", *columns]]


def describe(found: Measured) -> dict[str, Any]:
    """What a subject and reading were measured on: rows, hash and metrics of each task."""
    return {task: each.facts for task, each in found.data.items()}


def above_guessing(found: Measured) -> dict[str, Estimate]:
    """`above_guessing.<task>`: the full model's score beyond that of guessing."""
    full = next(i for i, case in enumerate(found.cases) if case.variant == FULL)
    return {
        f"above_guessing.{task}": estimate(
            score.mean[full] - glue_scores.guess(task, found.data[task])
        )
        for task, score in found.scores.items()
    }


def full_scores(found: Measured) -> Mapping[str, float]:
    """The full model's score of each task."""
    (full,) = places(found.cases, FULL, 0)
    return {task: float(score.mean[full, 0]) for task, score in found.scores.items()}
