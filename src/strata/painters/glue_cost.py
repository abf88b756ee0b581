"""What the stage on GLUE would take on this machine: both readings, from a probe of its model."""

from collections.abc import Callable, Iterator, Sequence

import torch

from strata.evidence import MODEL, RANDOM, SHUFFLED
from strata.execution import seconds
from strata.models import LoadedModel, blocks
from strata.painters import classifiers
from strata.painters.cost import PROBE_SECONDS, Part, affordable, probe
from strata.painters.encoder import batches, features
from strata.painters.finetuning import fine_tune
from strata.painters.glue_study import finetuned_cases
from strata.painters.params import GlueParams
from strata.painters.subjects import in_dtype
from strata.painters.variants import cases
from strata.schedules import Schedule, full
from strata.tasks.glue import GLUE, Examples, GlueData

FORWARD = 1 / 3  # of a training step


def parts(
    loaded: LoadedModel, params: GlueParams, read: Callable[..., dict[str, GlueData]]
) -> Iterator[Part]:
    """Rows of each task read, rows that classifiers train on, tasks fine-tuned; of all subjects.

    Args:
        read: `read_all` of these parameters, given subject and reading.
    """
    made = cases(len(blocks(loaded.model)), params)
    budget = PROBE_SECONDS / (len(params.tasks) + 2)
    frozen, tuned = (
        [read(subject, reading) for subject in (MODEL, RANDOM, SHUFFLED)]
        for reading in ("frozen", "finetuned")
    )
    trained = 0
    for task, data in frozen[0].items():
        rows = [(len(each[task].train.texts), len(each[task].validation.texts)) for each in frozen]
        trained += sum(train for train, _ in rows)
        a_row = _reading(loaded, [case.schedule for case in made], data, params, budget)
        yield Part(task, sum(map(sum, rows)), a_row)
    steps = trained * params.frozen.epochs * len(params.frozen.seeds)
    yield Part("classifiers", steps, _classifying(loaded, len(made), params))
    plan = [case.schedule for case in finetuned_cases(made, params)]
    runs = len(params.finetuned.seeds) * sum(len(each.visits) / each.depth for each in plan)
    for task, data in tuned[0].items():
        rows = sum(
            len(each[task].train.texts) * params.finetuned.epochs
            + len(each[task].validation.texts) * FORWARD
            for each in tuned
        )
        begun, a_step = _tuning(loaded, task, data, params, budget / len(tuned[0]))
        begun *= len(plan) * len(params.finetuned.seeds) * len(tuned)
        yield Part(f"{task}, fine-tuned", 1, begun + rows * runs * a_step)


def _reading(
    loaded: LoadedModel, plan: Sequence[Schedule], data: GlueData, params: GlueParams, budget: float
) -> float:
    """Seconds that a text takes under all schedules."""
    model, texts = in_dtype(loaded, params.dtype).model, data.train.texts

    def run(count: int, few: list[Schedule]) -> None:
        read = batches(texts[:count], loaded.tokenizer, params.batch_size, params.max_tokens)
        features(model, few, read, params.pooling, params.memory_gib)

    most = min(params.batch_size, len(texts))
    count, found = probe(run, len(blocks(model)), most, budget)
    return found.seconds(plan) / count


def _classifying(loaded: LoadedModel, count: int, params: GlueParams) -> float:
    """Seconds that a row takes in the training of a classifier a schedule."""
    section = params.frozen.model_copy(update={"epochs": 1})
    drawn_SxBxD = torch.randn(count, section.batch_size, loaded.model.config.hidden_size)
    labels_B = torch.arange(section.batch_size) % 2
    arguments = lambda rows: drawn_SxBxD[:, rows], labels_B, 2, section, 0
    classifiers.trained(*arguments)
    return seconds(classifiers.trained, *arguments) / section.batch_size


def _tuning(
    loaded: LoadedModel, task: str, data: GlueData, params: GlueParams, budget: float
) -> tuple[float, float]:
    """Seconds until a model trains, and of a row in a step through all layers."""
    unedited = full(len(blocks(loaded.model)))

    def run(count: int, epochs: int = 1) -> None:
        few = Examples(data.train.texts[:count], data.train.labels_N[:count])
        section = params.finetuned.model_copy(update={"epochs": epochs})
        short = params.model_copy(update={"finetuned": section})
        fine_tune(loaded, unedited, GlueData(few, few, {}), GLUE[task].labels, short, 0)

    most = min(params.finetuned.batch_size, len(data.train.texts))
    count = affordable(run, most, budget / 4)
    once, twice = seconds(run, count), seconds(run, count, 2)
    step = max(0.0, twice - once)
    return once - step, step / count
