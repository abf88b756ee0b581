"""Growth against uniform training as a study: arms, resumable runs, what the ledger judges.

Settings: `overlap` (validation text is in the training text, as the published loss suggests) and
`clean`. Layouts: the roles at the same relative depth as the 30-layer model's, and `summarised`,
the layers that a summary names. The null `permuted_roles` grows with the same phases over randomly
chosen layers.

Budgets: equal optimizer steps; half of them for growth; epochs as summarised, about 100 in growth's
phases against 11; and as many epochs for both. Epochs as summarised on text seen in training are
the subject `as_published`, all else is the subject `model`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from strata.anatomy import growth, growth_training
from strata.anatomy.growth import Phase
from strata.anatomy.growth_training import Run
from strata.anatomy.params import GrowthLayout, GrowthParams
from strata.evidence import AS_PUBLISHED, MODEL, Measurements, minus
from strata.records import Estimate
from strata.statistics import mean_estimate, point
from strata.work import Work, side_by_side

NULL = "permuted_roles"
ENDING = {MODEL: "", NULL: "_permuted"}
SETTINGS = {"overlap": "", "clean": "clean."}  # and what their keys begin with
COMPARISONS = {  # uniform and grown arm
    "equal_steps": ("uniform", "growth"),
    "equal_flops": ("uniform_equal_flops", "growth"),
    "equal_restarts": ("uniform_restarts", "growth"),
    "growth_at_half_budget": ("uniform", "growth_half"),
    "equal_epochs": ("uniform_equal_epochs", "growth_epochs"),
    "epochs_as_summarised": ("uniform_epochs", "growth_epochs"),
}
LAYOUT_COMPARISONS = ("equal_steps", "equal_epochs", "epochs_as_summarised")
PUBLISHED = "epochs_as_summarised"
Layers = tuple[int, ...]
Arms = Mapping[str, tuple[list[Phase], Layers]]
Schedules = Mapping[tuple[str, int], Arms]  # setting, seed
Runs = Mapping[tuple[str, str, int], Run]  # setting, arm, seed


def arms(section: GrowthParams, cost: growth.Cost, seed: int, windows: int) -> Arms:
    """Arm of the experiment -> its phases and its anti-layers.

    Args:
        windows: of training text, which one epoch passes.
    """

    def steps_of(epochs: int) -> int:
        return max(len(section.phases), round(epochs * windows / section.batch_size))

    def grow(layout: GrowthLayout, steps: int, shuffled: bool) -> tuple[list[Phase], Layers]:
        roles = growth.permuted(layout.roles, seed) if shuffled else layout.roles
        return growth.plan(layout.phases, roles, steps), tuple(roles[growth.ANTI])

    def uniform(steps: int, restarts: Sequence[int] = (0,)) -> tuple[list[Phase], Layers]:
        return growth.uniform(section.layers, steps, restarts), ()

    steps, epochs = section.steps, sum(phase.epochs for phase in section.phases)
    half = max(len(section.phases), round(section.half_budget * steps))
    grown, _ = grow(section, steps, shuffled=False)
    chosen = {
        "uniform": uniform(steps),
        "uniform_restarts": uniform(steps, [phase.start for phase in grown]),
        "uniform_equal_flops": uniform(growth.equal_flops_steps(grown, cost)),
        "uniform_equal_epochs": uniform(steps_of(epochs)),
        "uniform_epochs": uniform(steps_of(section.uniform_epochs)),
    }
    for ending in ENDING.values():
        for name, layout, count in (
            ("growth", section, steps),
            ("growth_half", section, half),
            ("growth_epochs", section, steps_of(epochs)),
            ("summarised.growth", section.summarised, steps),
            ("summarised.growth_epochs", section.summarised, steps_of(epochs)),
        ):
            chosen[name + ending] = grow(layout, count, bool(ending))
    return chosen


def train_all(
    section: GrowthParams,
    splits: Mapping[str, growth_training.Split],
    schedules: Schedules,
    work: Work,
) -> dict[tuple[str, str, int], Run]:
    """Every setting, arm and seed; finished runs are read back, interrupted ones go on."""
    units = {
        (setting, arm, seed): (work, section, splits[setting], *planned, seed)
        for (setting, seed), each in schedules.items()
        for arm, planned in each.items()
    }
    runs = side_by_side(_trained, list(units.items()), section.workers, "grow")
    return dict(zip(units, runs, strict=True))


def _trained(unit: tuple[tuple[str, str, int], tuple[Any, ...]]) -> Run:
    place, (work, *arguments) = unit
    name = "-".join(map(str, place))
    save = partial(work.save, name)
    made = lambda: growth_training.train(*arguments, work.restore(name), save)._asdict()
    return Run(**work.once(name, made))


def run_table(runs: Runs, schedules: Schedules, cost: growth.Cost, tokens: int) -> pd.DataFrame:
    """One row a run and check: steps, FLOPs so far, validation loss."""
    rows = []
    for (setting, arm, seed), done in runs.items():
        spent = growth.flops(schedules[setting, seed][arm][0], cost, tokens)
        for step, loss in zip(done.steps, done.losses, strict=True):
            place = {"setting": setting, "arm": arm, "seed": seed, "step": step}
            rows.append(place | {"gflops": spent[step - 1] / 1e9, "validation_loss": loss})
    return pd.DataFrame(rows)


def measured_losses(runs: Runs, section: GrowthParams) -> Measurements:
    """Final losses (nats per token) and their ratios over seeds; without prefix in the overlap
    setting and at the same relative depth. Uniform training has no roles to permute, so its null
    is itself."""

    def final(setting: str, arm: str) -> np.ndarray:
        return np.array([runs[setting, arm, seed].losses[-1] for seed in section.seeds])

    def ratios(setting: str, layout: str, name: str, subject: str) -> np.ndarray:
        uniform, grown = COMPARISONS[name]
        return final(setting, uniform) / final(setting, layout + grown + ENDING[subject])

    measured: Measurements = {}
    for layout, names in (("", tuple(COMPARISONS)), ("summarised.", LAYOUT_COMPARISONS)):
        published = _geometric_mean(ratios("overlap", layout, PUBLISHED, MODEL))
        for setting, prefix in SETTINGS.items():
            for name in names:
                own, null = (ratios(setting, layout, name, subject) for subject in ENDING)
                found = {AS_PUBLISHED: published}
                if (setting, name) != ("overlap", PUBLISHED):
                    found |= {
                        MODEL: _geometric_mean(own),
                        NULL: _geometric_mean(null),
                        minus(NULL): _mean(own - null),
                    }
                measured[f"{layout}{prefix}loss_ratio.{name}"] = found
    for setting, prefix in SETTINGS.items():
        measured[f"{prefix}loss.growth"] = {
            subject: _mean(final(setting, "growth" + ending)) for subject, ending in ENDING.items()
        } | {AS_PUBLISHED: _mean(final("overlap", "growth_epochs"))}
        measured[f"{prefix}loss.uniform"] = dict.fromkeys(
            ENDING, _mean(final(setting, "uniform"))
        ) | {AS_PUBLISHED: _mean(final("overlap", "uniform_epochs"))}
    return measured


def _mean(values: np.ndarray) -> Estimate:
    return mean_estimate(values) if len(values) > 1 else point(float(values[0]))


def _geometric_mean(values: np.ndarray) -> Estimate:
    return Estimate(*(float(np.exp(end)) for end in _mean(np.log(values))))


def measured_cost(schedules: Schedules, cost: growth.Cost, section: GrowthParams) -> Measurements:
    """Percent saved: in FLOPs at equal steps, and if a frozen layer cost nothing at all, at equal
    epochs or at the epochs that the paper is said to compare."""
    some_seed = schedules["overlap", section.seeds[0]]

    def total(arm: str) -> int:
        return growth.flops(some_seed[arm][0], cost, 1)[-1]

    measured: Measurements = {}
    for prefix, layout in (("", section), ("summarised.", section.summarised)):
        equal, printed = (
            growth.accounting_saved(layout.phases, layout.roles, epochs)
            for epochs in (None, section.uniform_epochs)
        )
        measured[f"{prefix}flops_saved_percent"] = {
            subject: point(100 * (1 - total(f"{prefix}growth{ending}") / total("uniform")))
            for subject, ending in ENDING.items()
        }
        measured[f"{prefix}accounting_saved_percent"] = dict.fromkeys(ENDING, point(equal))
        measured[f"{prefix}accounting_saved_percent.printed_epochs"] = dict.fromkeys(
            ENDING, point(printed)
        )
    return measured


def measured_seconds(runs: Runs) -> Measurements:
    """Percent of training seconds saved at equal steps, over settings and seeds."""

    def seconds(arm: str) -> np.ndarray:
        return np.array([done.seconds for (_, name, _), done in runs.items() if name == arm])

    return {
        "seconds_saved_percent": {
            subject: _mean(100 * (1 - seconds("growth" + ending) / seconds("uniform")))
            for subject, ending in ENDING.items()
        }
    }
