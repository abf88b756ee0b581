"""Growth against uniform training as a study: arms, resumable runs, what the ledger judges.

Settings: `overlap` (validation text is in the training text, as the published loss suggests) and
`clean`. The null `permuted_roles` grows with the same phases over randomly chosen layers.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from strata.anatomy import growth, growth_training
from strata.anatomy.growth import Phase
from strata.anatomy.growth_training import Run
from strata.anatomy.params import GrowthParams
from strata.evidence import MODEL, Measurements, minus
from strata.statistics import mean_estimate, point, ratio_estimate
from strata.work import Work, side_by_side

NULL = "permuted_roles"
GROWN = {MODEL: "growth", NULL: "growth_permuted"}
HALF = {MODEL: "growth_half", NULL: "growth_half_permuted"}
Layers = tuple[int, ...]
Arms = Mapping[str, tuple[list[Phase], Layers]]
Runs = Mapping[tuple[str, str, int], Run]


def arms(section: GrowthParams, cost: growth.Cost, seed: int) -> Arms:
    """Arm of the experiment -> its phases and its anti-layers."""
    steps = section.steps
    half = max(len(section.phases), round(section.half_budget * steps))
    shuffled = growth.permuted(section.roles, seed)

    def grow(roles: Mapping[str, Layers], steps: int) -> tuple[list[Phase], Layers]:
        return growth.plan(section.phases, roles, steps), roles[growth.ANTI]

    def uniform(steps: int, restarts: Sequence[int] = (0,)) -> tuple[list[Phase], Layers]:
        return growth.uniform(section.layers, steps, restarts), ()

    grown, _ = grow(section.roles, steps)
    return {
        "growth": grow(section.roles, steps),
        "growth_permuted": grow(shuffled, steps),
        "growth_half": grow(section.roles, half),
        "growth_half_permuted": grow(shuffled, half),
        "uniform": uniform(steps),
        "uniform_restarts": uniform(steps, [phase.start for phase in grown]),
        "uniform_equal_flops": uniform(growth.equal_flops_steps(grown, cost)),
    }


def train_all(
    section: GrowthParams,
    splits: Mapping[str, growth_training.Split],
    schedules: Mapping[int, Arms],
    work: Work,
) -> dict[tuple[str, str, int], Run]:
    """Every setting, arm and seed; finished runs are read back, interrupted ones go on."""
    units = {
        (setting, arm, seed): (work, section, splits[setting], *schedules[seed][arm], seed)
        for setting in splits
        for seed in section.seeds
        for arm in schedules[seed]
    }
    runs = side_by_side(_trained, list(units.items()), section.workers, "grow")
    return dict(zip(units, runs, strict=True))


def _trained(unit: tuple[tuple[str, str, int], tuple[Any, ...]]) -> Run:
    place, (work, *arguments) = unit
    name = "-".join(map(str, place))
    save = partial(work.save, name)
    made = lambda: growth_training.train(*arguments, work.restore(name), save)._asdict()
    return Run(**work.once(name, made))


def run_table(
    runs: Runs, schedules: Mapping[int, Arms], cost: growth.Cost, tokens: int
) -> pd.DataFrame:
    """One row a run and check: steps, FLOPs so far, validation loss."""
    rows = []
    for (setting, arm, seed), done in runs.items():
        spent = growth.flops(schedules[seed][arm][0], cost, tokens)
        for step, loss in zip(done.steps, done.losses, strict=True):
            place = {"setting": setting, "arm": arm, "seed": seed, "step": step}
            rows.append(place | {"gflops": spent[step - 1] / 1e9, "validation_loss": loss})
    return pd.DataFrame(rows)


def measured_losses(runs: Runs, section: GrowthParams) -> Measurements:
    """Final losses (nats per token) and their ratios over seeds; without prefix in the overlap
    setting, as published. Uniform training has no roles to permute, so its null is itself."""

    def final(setting: str, arm: str) -> np.ndarray:
        return np.array([runs[setting, arm, seed].losses[-1] for seed in section.seeds])

    comparisons = {
        "equal_steps": ("uniform", GROWN),
        "equal_flops": ("uniform_equal_flops", GROWN),
        "equal_restarts": ("uniform_restarts", GROWN),
        "growth_at_half_budget": ("uniform", HALF),
    }
    measured: Measurements = {}
    for setting, prefix in (("overlap", ""), ("clean", "clean.")):
        for name, (uniform, grown) in comparisons.items():
            measured[f"{prefix}loss_ratio.{name}"] = {
                subject: ratio_estimate(final(setting, uniform), final(setting, arm))
                for subject, arm in grown.items()
            }
            own, permuted = (
                final(setting, uniform) / final(setting, arm) for arm in grown.values()
            )
            measured[f"{prefix}loss_ratio.{name}"][minus(NULL)] = mean_estimate(own - permuted)
        measured[f"{prefix}loss.growth"] = {
            subject: mean_estimate(final(setting, arm)) for subject, arm in GROWN.items()
        }
        uniform_loss = mean_estimate(final(setting, "uniform"))
        measured[f"{prefix}loss.uniform"] = dict.fromkeys(GROWN, uniform_loss)
    return measured


def measured_cost(
    schedules: Mapping[int, Arms], cost: growth.Cost, section: GrowthParams
) -> Measurements:
    """Percent saved: in FLOPs at equal steps, and if a frozen layer cost nothing at all, at equal
    epochs or at the epochs that the paper is said to compare."""
    some_seed = schedules[section.seeds[0]]
    full = growth.flops(some_seed["uniform"][0], cost, 1)[-1]
    saved = {
        subject: 100 * (1 - growth.flops(some_seed[arm][0], cost, 1)[-1] / full)
        for subject, arm in GROWN.items()
    }
    equal, printed = (
        dict.fromkeys(GROWN, growth.accounting_saved(section.phases, section.roles, epochs))
        for epochs in (None, section.uniform_epochs)
    )
    percents = {
        "flops_saved_percent": saved,
        "accounting_saved_percent": equal,
        "accounting_saved_percent.printed_epochs": printed,
    }
    return {
        key: {subject: point(value) for subject, value in values.items()}
        for key, values in percents.items()
    }


def measured_seconds(runs: Runs) -> Measurements:
    """Percent of training seconds saved at equal steps, over settings and seeds."""

    def seconds(arm: str) -> np.ndarray:
        return np.array([done.seconds for (_, name, _), done in runs.items() if name == arm])

    return {
        "seconds_saved_percent": {
            subject: mean_estimate(100 * (1 - seconds(arm) / seconds("uniform")))
            for subject, arm in GROWN.items()
        }
    }
