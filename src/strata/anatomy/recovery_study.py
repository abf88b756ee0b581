"""Paper A's recovery as a study: resumable curves, steps per layer, what the ledger judges."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache, partial
from typing import NamedTuple

import pandas as pd
from transformers import PreTrainedModel

from strata.anatomy import subjects
from strata.anatomy.perplexity import measure
from strata.anatomy.recovery import Curve, Task, recover
from strata.evidence import MODEL, Measurements
from strata.execution import TracedBatch, traced
from strata.models import blocks
from strata.params import Params, parse
from strata.records import Estimate
from strata.statistics import Floats, mean_estimate, paired_bootstrap, spearman
from strata.text import TokenBatch, batches, read_passages, read_text
from strata.work import Work, side_by_side

APART, SAME = "apart", "same_text"


class Place(NamedTuple):
    """One recovery: which layer of which subject, on which text, from which noise."""

    subject: str
    text: str
    layer: int
    seed: int


def places(layers: Sequence[int], seeds: Sequence[int]) -> list[Place]:
    """Every recovery of the study; nulls and the same text make do with the first seed."""
    return [
        Place(subject, text, layer, seed)
        for subject in subjects.NAMES
        for text in (APART, SAME)
        for layer in layers
        for seed in (seeds if (subject, text) == (MODEL, APART) else seeds[:1])
    ]


def recover_all(
    settings: Params, work: Work, wanted: Sequence[Place]
) -> list[tuple[dict[str, float], Curve]]:
    """Summary and curve of each place; finished ones are read back, interrupted ones go on."""
    units = [(settings, work, place) for place in wanted]
    return side_by_side(_recovered, units, settings.anatomy_recovery.workers, "recover")


def _recovered(unit: tuple[Params, Work, Place]) -> tuple[dict[str, float], Curve]:
    settings, work, place = unit
    section = settings.anatomy_recovery
    ground = _ground(settings.model_dump_json(), place.subject, place.text)
    threshold = (1 + section.tolerance) * ground.untouched
    training = section.learning_rate, section.checks, threshold
    task = Task(place.layer, section.noise, place.seed, *training)
    name = "-".join(map(str, place))
    curve = resumable(work, name, ground.model, task, ground.train, ground.measured)
    return summary(curve, task, ground.untouched), curve


class _Ground(NamedTuple):
    """What the recoveries of one subject on one text share; `untouched` is its perplexity."""

    model: PreTrainedModel
    train: Callable[[], list[TracedBatch]]
    measured: list[TracedBatch]
    untouched: float


@lru_cache(maxsize=1)
def _ground(dumped: str, subject: str, text: str) -> _Ground:
    settings = parse(dumped)
    model = subjects.subject(settings, subject, seed=0)
    train, measured = token_batches(settings, text)
    entered = traced(model, measured)
    untouched = measure(model, entered, len(blocks(model))).perplexity
    return _Ground(model, cache(lambda: traced(model, train)), entered, untouched)


def texts(settings: Params) -> tuple[list[str], list[str]]:
    """Passages to measure, and paragraphs to train on where the two are kept apart."""
    trained = settings.anatomy_recovery.train_text
    paragraphs = read_text(trained, "anatomy_recovery.train_text", settings.local)
    return read_passages(settings), paragraphs


def token_batches(settings: Params, text: str) -> tuple[list[TokenBatch], list[TokenBatch]]:
    """To train on and to measure: kept apart, or, as the paper seems to have it, the same."""
    section = settings.anatomy_recovery
    passages, paragraphs = texts(settings)

    def made(texts: list[str], batch_size: int) -> list[TokenBatch]:
        return batches(texts, subjects.loaded(settings).tokenizer, batch_size, section.max_tokens)

    if text == SAME:
        few = passages[: section.same_text_passages]
        return made(few, len(few)), made(few, len(few))
    used = paragraphs[: section.checks[-1] * section.batch_size]
    measured = passages[: section.measured_passages]
    return made(used, section.batch_size), made(measured, len(measured))


def resumable(
    work: Work,
    unit: str,
    model: PreTrainedModel,
    task: Task,
    train: Callable[[], Sequence[TracedBatch]],
    measured: Sequence[TracedBatch],
) -> Curve:
    """The unit's curve: read if finished before, gone on with if interrupted, else begun."""
    save = partial(work.save, unit)
    made = lambda: recover(model, task, train, measured, work.restore(unit), save)._asdict()
    return Curve(**work.once(unit, made))


def summary(curve: Curve, task: Task, base: float) -> dict[str, float]:
    """Steps to recover (the budget if it never did), and where perplexity began and ended.

    `steps` is the first check below the threshold, `least_steps` follows the last above it.
    """
    found = curve.recovered_at(task.threshold)
    steps = task.checks[-1] if found is None else found
    return {
        "recovered": found is not None,
        "steps": steps,
        "least_steps": curve.steps[-2] + 1 if found else steps,
        "untouched": base,
        "disturbed": curve.perplexities[0],
        "last": curve.perplexities[-1],
    }


def measurements(table: pd.DataFrame, importance: pd.DataFrame, resamples: int) -> Measurements:
    """What the ledger judges, for training text kept apart and (prefix `same_text.`) the same:
    steps to recover, the change of perplexity (%) by the noise alone, steps against importance
    (a row a layer, a column a subject)."""
    measured: Measurements = {}
    for (text, subject), rows in table.groupby(["text", "subject"]):
        prefix = "" if text == APART else f"{text}."
        steps = rows.groupby("layer")["steps"].mean()
        costs = importance.loc[steps.index, subject]
        pairs = steps.to_numpy(dtype=float)[None], costs.to_numpy()[None]
        ranked = paired_bootstrap(spearman, *pairs, resamples=resamples, seed=0).estimate()
        measured.setdefault(f"{prefix}spearman", {})[subject] = ranked
        disturbed = 100 * (rows["disturbed"] / rows["untouched"] - 1)
        bounds = {
            "steps": (rows["least_steps"], rows["steps"]),
            "disturbed_change": (disturbed, disturbed),
        }
        for name, (least, most) in bounds.items():
            for layer in steps.index:
                here = rows["layer"] == layer
                found = over_seeds(least[here].to_numpy(), most[here].to_numpy())
                measured.setdefault(f"{prefix}{name}_L{layer}", {})[subject] = found
    return measured


def over_seeds(least: Floats, most: Floats) -> Estimate:
    """Mean over noise seeds of values known to lie between two ends, with the t interval of the
    ends; of one seed the ends themselves."""
    if len(most) == 1:
        return Estimate(float(most[0]), float(least[0]), float(most[0]))
    low, high = mean_estimate(least).low, mean_estimate(most).high
    return Estimate(float(most.mean()), low, high)
