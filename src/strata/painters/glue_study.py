"""An encoder under every schedule on GLUE's tasks: every reading, of the model and its nulls.

frozen: the published head on frozen features; converged: a ridge regression on the same features;
finetuned: the whole encoder trained under the schedule.
"""

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
from strata.painters.converged import converged_answers
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

Reading = Literal["frozen", "converged", "finetuned"]
READINGS: tuple[Reading, ...] = ("frozen", "converged", "finetuned")


class Measured(NamedTuple):
    """One subject under one reading: its cases, the data, answers and scores of each task.

    learned: the tasks that are judged, those that the trained full model has learned.
    """

    subject: str
    reading: Reading
    cases: list[Case]
    data: dict[str, GlueData]
    answers: dict[str, Predictions]
    scores: dict[str, Scores]
    learned: list[str]

    @property
    def average(self) -> glue_scores.Curves:
        """The paper's summary, the plain average over tasks, of those learned."""
        found = np.mean([self.scores[task].mean for task in self.learned], axis=0)
        return glue_scores.curves(self.cases, found)

    @property
    def guess(self) -> float:
        """The average score of guessing in the tasks learned."""
        return float(np.mean([glue_scores.guess(task, self.data[task]) for task in self.learned]))


def study(
    loaded: LoadedModel, params: GlueParams, read: Callable[..., dict[str, GlueData]], work: Work
) -> Iterator[Measured]:
    """Measure the model, then each null, by every reading. Finished parts are reused.

    Args:
        read: `read_all` of these parameters, given subject and reading.

    Raises:
        TaskError, ModelError, ScheduleError: data, model or depth do not allow what is asked.
    """
    made = cases(len(blocks(loaded.model)), params)
    read()  # nothing runs before every file is known to be good
    learned: dict[Reading, list[str]] = {}
    for subject, model in nulls.subjects(loaded.model, params.seed):
        each = replace(loaded, model=model)
        for reading in READINGS:
            data = read(subject, reading)
            tuned = reading == "finetuned"
            own = finetuned_cases(made, params) if tuned else made
            run = _finetuned if tuned else partial(_frozen, reading)
            answers = run(each, own, data, params, work, subject)
            scores = {
                task: glue_scores.scores(task, found, params.resamples, params.seed)
                for task, found in answers.items()
            }
            if subject == MODEL:
                learned[reading] = glue_scores.learned(scores, data, places(own, FULL, 0)[0])
            yield Measured(subject, reading, own, data, answers, scores, learned[reading])


def read_all(
    params: GlueParams, local: str, subject: str = MODEL, reading: Reading = "frozen"
) -> dict[str, GlueData]:
    """The data of every task of a reading; nulls get fewer rows."""
    section = params.finetuned if reading == "finetuned" else params
    items = section.items if subject == MODEL else section.null_items
    return {task: read_glue(task, params, items, local) for task in section.tasks}


def finetuned_cases(made: Sequence[Case], params: GlueParams) -> list[Case]:
    """The full model, and the variants, affected layers and orders that are fine-tuned."""
    section = params.finetuned
    return [
        case
        for case in made
        if case.variant == FULL
        or (
            case.variant in section.variants
            and case.affected in section.affected
            and case.replica < section.orders
        )
    ]


def _frozen(
    reading: Reading,
    loaded: LoadedModel,
    made: Sequence[Case],
    data: Mapping[str, GlueData],
    params: GlueParams,
    work: Work,
    subject: str,
) -> dict[str, Predictions]:
    units = {
        f"{subject}.frozen.{task}": partial(frozen_answers, loaded, made, task, each, params)
        for task, each in data.items()
    }
    results = work.every(units, f"{subject}, {reading}")
    return {
        task: Predictions(each.validation.labels_N, np.array(found[reading]))
        for (task, each), found in zip(data.items(), results, strict=True)
    }


def frozen_answers(
    loaded: LoadedModel, made: Sequence[Case], task: str, data: GlueData, params: GlueParams
) -> dict[Reading, list[Any]]:
    """Answers of both readouts of features computed once for each schedule.

    Returns: nested lists (cases, seeds, N); the converged readout has no seeds, so one.
    """
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
    published = [classifiers.predictions(each, validation_SxNxD) for each in heads]
    converged = [
        [converged_answers(train, data.train.labels_N, validation, outputs).tolist()]
        for train, validation in zip(
            train_SxNxD.cpu().double().numpy(), validation_SxNxD.cpu().double().numpy(), strict=True
        )
    ]
    return {"frozen": torch.stack(published, dim=1).tolist(), "converged": converged}


def _finetuned(
    loaded: LoadedModel,
    made: Sequence[Case],
    data: Mapping[str, GlueData],
    params: GlueParams,
    work: Work,
    subject: str,
) -> dict[str, Predictions]:
    seeds = params.finetuned.seeds
    units = {
        f"{subject}.finetuned.{task}.{case.name}.{seed}": partial(
            _tuned, loaded, case, task, each, params, seed
        )
        for task, each in data.items()
        for case in made
        for seed in seeds
    }
    results = iter(work.every(units, f"{subject}, finetuned"))
    return {
        task: Predictions(
            each.validation.labels_N,
            np.reshape(list(islice(results, len(made) * len(seeds))), (len(made), len(seeds), -1)),
        )
        for task, each in data.items()
    }


def _tuned(
    loaded: LoadedModel, case: Case, task: str, data: GlueData, params: GlueParams, seed: int
) -> list[Any]:
    tuned = fine_tune(loaded, case.schedule, data, GLUE[task].labels, params, seed)
    return tuned.predictions_N.tolist()


def by_metric(found: Measured) -> pd.DataFrame:
    """A row a task, metric, variant and M."""
    tables = {
        (task, metric): glue_scores.table(glue_scores.curves(found.cases, score))
        for task, scores in found.scores.items()
        for metric, score in scores.metrics.items()
    }
    return pd.concat(tables, names=["task", "metric"]).reset_index([0, 1]).reset_index(drop=True)


def items(found: Measured, seeds: Sequence[int] = (0,)) -> pd.DataFrame:
    """A row a task and validation item: its label, and the answer of every case and seed.

    Answers that are scores are given to three decimals; measurements come from all digits.
    """
    columns = [f"{case.name}:seed{seed}" for case in found.cases for seed in seeds]
    tables = {
        task: pd.DataFrame(each.answers.reshape(len(columns), -1).T, columns=columns).assign(
            label=each.labels_N
        )
        for task, each in found.answers.items()
    }
    table = pd.concat(tables, names=["task", "item"]).reset_index()
    return table[["task", "item", "label", *columns]].round(dict.fromkeys(columns, 3))


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
