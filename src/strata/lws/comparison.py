"""Table 3 and Figures 4 to 7: what the runs say, with intervals over seeds and documents.

A loss is nats per real token for the correct reader, and the mean over all positions, zeros
included, where it is called reported, as the authors did.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from strata.evidence import AS_PUBLISHED, MODEL, RANDOM, minus
from strata.lws.resampling import Kind, Resampling, change, change_draws, chosen, losses
from strata.lws.runs import Result
from strata.lws.scaling import BASELINES, CONTROLS, VARIANTS
from strata.records import Estimate
from strata.statistics import (
    CONFIDENCE,
    columns,
    estimate,
    mean_estimate,
    percentile_estimate,
    point,
    tukey_range,
)

LWS_18L = ("vanilla_18l", "framed", "reverse", "crown")
CONTROL = "shuffled_depth_roles"
SWEEP = "rate_"  # begins the names of the sweep's groups
NOTHING = point(np.nan)  # of what was not run
HEADLINE: dict[str, Kind] = {"correct": "real", "as_published": "reported"}
KEYS = [
    *(f"{key}.{name}" for key in ("val_loss", "val_ppl") for name in VARIANTS),
    *(f"ppl_change.{name}" for name in VARIANTS if name not in BASELINES.values()),
    *("val_ppl_sd.baseline_18l", "lws_spread"),
    *("depth_change.baseline_18l", "rank.baseline_12l", "ppl_change.bowtie"),
    *(f"{key}.{name}" for key in ("data_efficiency", "isotropic_change") for name in LWS_18L),
    *("zero_over_real", "reported_over_real", "largest_gain_move"),
]


def table(results: list[Result], sampling: Resampling) -> pd.DataFrame:
    """One row a variant and reader (and control): losses at real and zero positions, the reported
    loss; of the headline loss its perplexity, change against the baseline of its depth, rank."""
    ranked = {reader: _ranks(results, reader, sampling) for reader in HEADLINE}
    rows = []
    for control in (False, True):
        for variant, shape in (VARIANTS | CONTROLS).items():
            for reader, kind in HEADLINE.items():
                found = chosen(results, variant, reader, control)
                if not found:
                    continue
                base = chosen(results, BASELINES[shape.layers], reader)
                kinds = ("real", "zero", "reported") if reader == "as_published" else ("real",)
                row = {
                    "variant": variant,
                    "reader": reader,
                    "control": CONTROL if control else "",
                    "seeds": len(found),
                    "parameters": found[min(found)]["parameters"],
                }
                for name in kinds:
                    value, draws = losses(found.values(), name, sampling)
                    row |= columns(f"{name}_loss", percentile_estimate(value, draws))
                value, draws = losses(found.values(), kind, sampling)
                row |= columns("ppl", percentile_estimate(np.exp(value), np.exp(draws)))
                row |= columns("change_percent", change(found, base, kind, sampling) or NOTHING)
                places = {} if control else ranked[reader]
                row |= columns("rank", places.get(variant, NOTHING))
                rows.append(row)
    return pd.DataFrame(rows)


def measured(
    results: list[Result], main: list[Result], sampling: Resampling
) -> dict[str, dict[str, Estimate]]:
    """Subject -> key -> what the ledger judges, as far as it was run."""
    return {
        MODEL: _of_reader(main, "correct", sampling)
        | _zeros(main, "documents", sampling)
        | _gain_move(results, "pure_bf16"),
        AS_PUBLISHED: _of_reader(main, "as_published", sampling),
        RANDOM: _zeros(main, "untrained", sampling),
        CONTROL: _of_control(main, sampling),
        minus(CONTROL): _minus_control(main, sampling),
        "fp32_master": _gain_move(results, "bf16_autocast"),
    }


def curves(results: list[Result]) -> pd.DataFrame:
    """One row a run, kind (training, validation) and point: reported loss against positions."""
    rows = [
        {
            "variant": result["variant"],
            "reader": result["reader"],
            "control": CONTROL if result["shuffled_depth_roles"] else "",
            "seed": result["seed"],
            "kind": kind,
            "positions": step * result["positions_per_step"],
            "loss": loss,
        }
        for result in results
        for kind in ("training", "validation")
        for step, loss in result[f"{kind}_curve"]
    ]
    return pd.DataFrame(rows)


def gain_table(results: list[Result]) -> pd.DataFrame:
    """One row a run: did its norm gains leave 1.0?"""
    keys = ("group", "variant", "reader", "seed", "precision", "learning_rate", "steps")
    rows = [{**{key: r[key] for key in keys}, **r["norm_gains"]} for r in results]
    return pd.DataFrame(rows)


def rate_table(results: list[Result]) -> pd.DataFrame:
    """One row a run of the sweep of the learning rate: its last validation loss, and whether it is
    the lowest of all, which sets the rate of the others."""
    columns = ["variant", "seed", "steps", "learning_rate"]
    swept = [result for result in results if result["group"].startswith(SWEEP)]
    table = pd.DataFrame([{key: each[key] for key in columns} for each in swept], columns=columns)
    table["validation_loss"] = [each["validation_curve"][-1][1] for each in swept]
    return table.assign(lowest=table["validation_loss"] == table["validation_loss"].min())


def _ranks(results: list[Result], reader: str, sampling: Resampling) -> dict[str, Estimate]:
    """Variant -> its place by the headline loss among those that were run, 1 the best; the seeds
    that all have, and the draws of seeds and documents, are shared."""
    found = {name: chosen(results, name, reader) for name in VARIANTS}
    run = {name: each for name, each in found.items() if each}
    common = _common(run.values())
    if not common:
        return {}
    pairs = [
        losses([each[seed] for seed in common], HEADLINE[reader], sampling) for each in run.values()
    ]
    values, draws = (np.array(part) for part in zip(*pairs, strict=True))
    places, drawn = (stats.rankdata(part, axis=0) for part in (values, draws))
    return {
        name: percentile_estimate(place, each)
        for name, place, each in zip(run, places, drawn, strict=True)
    }


def _common(found: Iterable[dict[int, Result]]) -> list[int]:
    """The seeds that all of some variants have."""
    seeds = [set(each) for each in found]
    return sorted(set.intersection(*seeds)) if seeds else []


def _present(found: dict[str, Estimate | None]) -> dict[str, Estimate]:
    return {key: estimate for key, estimate in found.items() if estimate is not None}


def _of_reader(main: list[Result], reader: str, sampling: Resampling) -> dict[str, Estimate]:
    """The headline losses of the runs with one reader, and what follows from them."""

    def against(name: str, base: str) -> Estimate | None:
        pair = (chosen(main, each, reader) for each in (name, base))
        return change(*pair, HEADLINE[reader], sampling)

    found = {
        "val_ppl_sd.baseline_18l": _spread_of_seeds(main, reader),
        "lws_spread": _spread_of_profiles(main, reader),
        "depth_change.baseline_18l": against(BASELINES[18], BASELINES[12]),
        **{f"data_efficiency.{name}": _data_efficiency(main, reader, name) for name in LWS_18L},
        **{f"isotropic_change.{name}": against(name, BASELINES[12]) for name in LWS_18L},
        "ppl_change.bowtie": against("bowtie", BASELINES[18]),
    }
    ranks = _ranks(main, reader, sampling)
    if len(_common(chosen(main, name, reader) for name in VARIANTS)) > 1:
        found["rank.baseline_12l"] = ranks["baseline_12l"]
    for variant, shape in VARIANTS.items():
        ours = chosen(main, variant, reader)
        if ours:
            value, draws = losses(ours.values(), HEADLINE[reader], sampling)
            found[f"val_loss.{variant}"] = percentile_estimate(value, draws)
            found[f"val_ppl.{variant}"] = percentile_estimate(np.exp(value), np.exp(draws))
        if (base := BASELINES[shape.layers]) != variant:
            found[f"ppl_change.{variant}"] = against(variant, base)
    return _present(found)


def _of_control(main: list[Result], sampling: Resampling) -> dict[str, Estimate]:
    """Every 18-layer LWS variant's null: its own layers in a random order against the baseline."""
    base = chosen(main, BASELINES[18], "correct")
    found = {
        f"ppl_change.{name}": change(
            chosen(main, name, "correct", control=True), base, "real", sampling
        )
        for name in LWS_18L
    }
    return _present(found)


def _minus_control(main: list[Result], sampling: Resampling) -> dict[str, Estimate]:
    """Every 18-layer LWS variant's change minus that of its null, on the same draws, over the seeds
    that both have."""
    base = chosen(main, BASELINES[18], "correct")
    found = {}
    for name in LWS_18L:
        pair = [chosen(main, name, "correct", control) for control in (False, True)]
        common = base.keys() & pair[0].keys() & pair[1].keys()
        own, null = (
            change_draws({seed: each[seed] for seed in common}, base, "real", sampling)
            for each in pair
        )
        if common:
            found[f"ppl_change.{name}"] = estimate(own - null)
    return found


def seed_counts(main: list[Result]) -> dict[str, int]:
    """Variant -> in how many seeds it and the baseline of its depth were trained with the correct
    reader."""
    found = {name: chosen(main, name, "correct") for name in VARIANTS | CONTROLS}
    depths = {name: shape.layers for name, shape in (VARIANTS | CONTROLS).items()}
    counts = {
        name: len(runs.keys() & found[BASELINES[depths[name]]].keys())
        for name, runs in found.items()
    }
    return {name: count for name, count in counts.items() if count}


def _zeros(main: list[Result], source: str, sampling: Resampling) -> dict[str, Estimate]:
    """Losses over the loss at real positions, of the runs with the wrong reader.

    Args:
        source: `documents` after training, `untrained` before.
    """
    wrong = [result for result in main if result["reader"] == "as_published"]
    if not wrong:
        return {}
    real, real_draws = losses(wrong, "real", sampling, source)
    found = {}
    for kind in ("zero", "reported"):
        value, draws = losses(wrong, kind, sampling, source)
        found[f"{kind}_over_real"] = percentile_estimate(value / real, draws / real_draws)
    return found


def _spread_of_profiles(main: list[Result], reader: str) -> Estimate | None:
    """Worst over best perplexity of the four 18-layer LWS variants, in percent above, by Tukey's
    test of equal means over the seeds that all have; None below two."""
    found = [chosen(main, variant, reader) for variant in LWS_18L]
    common = _common(found)
    if len(common) < 2:
        return None
    kind = HEADLINE[reader]
    means = np.array([[_mean_loss(each[seed], kind) for seed in common] for each in found])
    return Estimate(*(100 * float(np.expm1(end)) for end in tukey_range(means)))


def _spread_of_seeds(main: list[Result], reader: str) -> Estimate | None:
    """Standard deviation of Baseline 18L's perplexity over seeds, with its chi-squared interval."""
    runs = chosen(main, BASELINES[18], reader).values()
    if len(runs) < 2:
        return None
    perplexities = [np.exp(_mean_loss(each, HEADLINE[reader])) for each in runs]
    freedom = len(perplexities) - 1
    deviation = float(np.std(perplexities, ddof=1))
    tails = stats.chi2.ppf(((1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2), freedom)
    low, high = deviation * np.sqrt(freedom / tails)
    return Estimate(deviation, float(low), float(high))


def _mean_loss(result: Result, kind: Kind) -> float:
    """Mean nats per position of one run."""
    parts = ("real", "zero") if kind == "reported" else (kind,)
    nll, tokens = (
        sum(sum(result["documents"][f"{part}_{what}"]) for part in parts)
        for what in ("nll", "tokens")
    )
    return nll / tokens


def _data_efficiency(main: list[Result], reader: str, name: str) -> Estimate | None:
    """Positions Baseline 18L takes over those a variant takes to the same validation loss: the
    worse one's last. Mean over seeds with its t interval; None below two seeds."""
    ours, base = (chosen(main, variant, reader) for variant in (name, BASELINES[18]))
    ratios = [
        tokens_saved(ours[seed]["validation_curve"], base[seed]["validation_curve"])
        for seed in sorted(ours.keys() & base.keys())
    ]
    return mean_estimate(np.array(ratios)) if len(ratios) > 1 else None


def tokens_saved(ours: list[list[float]], base: list[list[float]]) -> float:
    """Positions that the base takes over ours, to the higher of both last losses.

    Args:
        ours, base: [positions or steps, loss] along a curve.
    """
    goal = max(ours[-1][1], base[-1][1])
    return _first_at(base, goal) / _first_at(ours, goal)


def _first_at(curve: list[list[float]], goal: float) -> float:
    """The step at which a validation curve first reaches a loss, interpolated between points."""
    steps, values = np.array(curve).T
    place = int(np.argmax(values <= goal))
    if place == 0:
        return float(steps[0])
    share = (values[place - 1] - goal) / (values[place - 1] - values[place])
    return float(steps[place - 1] + share * (steps[place] - steps[place - 1]))


def _gain_move(results: list[Result], precision: str) -> dict[str, Estimate]:
    """Largest move of a norm gain in Baseline 18L, trained in one precision, at the learning rates
    of the runs in pure bf16."""
    base = [result for result in results if result["variant"] == BASELINES[18]]
    rates = {result["learning_rate"] for result in base if result["precision"] == "pure_bf16"}
    moves = [
        result["norm_gains"]["largest_move"]
        for result in base
        if result["precision"] == precision and (not rates or result["learning_rate"] in rates)
    ]
    return {"largest_gain_move": point(max(moves))} if moves else {}
