"""Table 3 and Figures 4 to 7: what the runs say, with intervals over seeds and documents.

A loss is nats per real token for the correct reader, and the mean over all positions, zeros
included, where it is called reported, as the authors did.
"""

import numpy as np
import pandas as pd
from scipy import stats

from strata.lws.resampling import Kind, Resampling, Result, change, chosen, losses
from strata.lws.scaling import VARIANTS
from strata.records import Estimate
from strata.statistics import CONFIDENCE, mean_estimate, percentile_estimate

BASELINES = {12: "baseline_12l", 18: "baseline_18l"}
LWS_18L = ("vanilla_18l", "framed", "reverse", "crown")
CONTROL = "shuffled_depth_roles"
MODEL, AS_PUBLISHED, UNTRAINED = "model", "as_published", "random_initialisation"
HEADLINE: dict[str, Kind] = {"correct": "real", "as_published": "reported"}


def table(results: list[Result], sampling: Resampling) -> pd.DataFrame:
    """One row a variant and reader (and control): losses at real and zero positions, the reported
    loss; of the headline loss its perplexity, change against the baseline of its depth, rank."""
    ranked = {reader: _ranks(results, reader, sampling) for reader in HEADLINE}
    rows = []
    for control in (False, True):
        for variant, shape in VARIANTS.items():
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
                    row |= _columns(f"{name}_loss", percentile_estimate(value, draws))
                value, draws = losses(found.values(), kind, sampling)
                row |= _columns("ppl", percentile_estimate(np.exp(value), np.exp(draws)))
                row |= _columns("change_percent", change(found, base, kind, sampling))
                row |= _columns("rank", None if control else ranked[reader].get(variant))
                rows.append(row)
    return pd.DataFrame(rows)


def measurements(
    results: list[Result], main: list[Result], sampling: Resampling
) -> dict[str, dict[str, Estimate]]:
    """What the ledger judges, by key and subject; a subject that was not run is left out."""
    measured: dict[str, dict[str, Estimate]] = {}
    subjects = {MODEL: "correct", AS_PUBLISHED: "as_published"}
    for variant, shape in VARIANTS.items():
        loss, perplexity, against = {}, {}, {}
        for subject, reader in subjects.items():
            found = chosen(main, variant, reader)
            if not found:
                continue
            value, draws = losses(found.values(), HEADLINE[reader], sampling)
            loss[subject] = percentile_estimate(value, draws)
            perplexity[subject] = percentile_estimate(np.exp(value), np.exp(draws))
            base = chosen(main, BASELINES[shape.layers], reader)
            against[subject] = change(found, base, HEADLINE[reader], sampling)
        measured[f"val_loss.{variant}"] = loss
        measured[f"val_ppl.{variant}"] = perplexity
        if variant in LWS_18L:
            control = chosen(main, "crown", "correct", control=True)
            base = chosen(main, BASELINES[18], "correct")
            against[CONTROL] = change(control, base, "real", sampling)
        if variant not in BASELINES.values():
            measured[f"ppl_change.{variant}"] = _present(against)
    for key, statistic in (
        ("val_ppl_sd.baseline_18l", lambda reader: _spread_of_seeds(main, reader)),
        ("lws_spread", lambda reader: _spread_of_profiles(main, reader, sampling)),
        ("data_efficiency", lambda reader: _data_efficiency(main, reader)),
    ):
        measured[key] = _present({s: statistic(reader) for s, reader in subjects.items()})
    wrong = [result for result in main if result["reader"] == "as_published"]
    sources = {MODEL: "documents", UNTRAINED: "untrained"} if wrong else {}
    for key, top in (("zero_over_real", "zero"), ("reported_over_real", "reported")):
        measured[key] = {s: _ratio(wrong, top, sampling, source) for s, source in sources.items()}
    measured["largest_gain_move"] = _gain_moves(results)
    return measured


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


def _ranks(results: list[Result], reader: str, sampling: Resampling) -> dict[str, Estimate]:
    """Variant -> its place by the headline loss among those that were run, 1 the best; the draws of
    seeds and documents are shared."""
    found = {name: chosen(results, name, reader) for name in VARIANTS}
    run = {name: each for name, each in found.items() if each}
    if not run:
        return {}
    pairs = [losses(each.values(), HEADLINE[reader], sampling) for each in run.values()]
    values, draws = (np.array(part) for part in zip(*pairs, strict=True))
    places, drawn = (stats.rankdata(part, axis=0) for part in (values, draws))
    return {
        name: percentile_estimate(place, each)
        for name, place, each in zip(run, places, drawn, strict=True)
    }


def _columns(name: str, estimate: Estimate | None) -> dict[str, float]:
    value, low, high = estimate or (np.nan,) * 3
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _present(subjects: dict[str, Estimate | None]) -> dict[str, Estimate]:
    return {subject: estimate for subject, estimate in subjects.items() if estimate is not None}


def _ratio(results: list[Result], top: Kind, sampling: Resampling, measured: str) -> Estimate:
    """A loss over the loss at real positions, of the runs with the wrong reader."""
    value, draws = losses(results, top, sampling, measured)
    real, real_draws = losses(results, "real", sampling, measured)
    return percentile_estimate(value / real, draws / real_draws)


def _spread_of_profiles(main: list[Result], reader: str, sampling: Resampling) -> Estimate | None:
    """Worst over best perplexity of the four 18-layer LWS variants, in percent above."""
    found = [chosen(main, variant, reader) for variant in LWS_18L]
    common = sorted(set.intersection(*(set(each) for each in found)))
    if not common:
        return None
    pairs = [losses([each[seed] for seed in common], HEADLINE[reader], sampling) for each in found]
    values, draws = (np.array(part) for part in zip(*pairs, strict=True))
    return percentile_estimate(
        100 * np.expm1(np.ptp(values)), 100 * np.expm1(np.ptp(draws, axis=0))
    )


def _spread_of_seeds(main: list[Result], reader: str) -> Estimate | None:
    """Standard deviation of Baseline 18L's perplexity over seeds, with its chi-squared interval."""
    documents = [r["documents"] for r in chosen(main, BASELINES[18], reader).values()]
    if len(documents) < 2:
        return None
    parts = ("real", "zero") if HEADLINE[reader] == "reported" else ("real",)
    perplexities = [
        np.exp(
            sum(sum(each[f"{part}_nll"]) for part in parts)
            / sum(sum(each[f"{part}_tokens"]) for part in parts)
        )
        for each in documents
    ]
    freedom = len(perplexities) - 1
    deviation = float(np.std(perplexities, ddof=1))
    tails = stats.chi2.ppf(((1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2), freedom)
    low, high = deviation * np.sqrt(freedom / tails)
    return Estimate(deviation, float(low), float(high))


def _data_efficiency(main: list[Result], reader: str) -> Estimate | None:
    """Positions Baseline 18L takes over those Crown takes to the same validation loss: the worse
    one's last. Mean over seeds with its t interval; None below two seeds."""
    ours, base = (chosen(main, variant, reader) for variant in ("crown", BASELINES[18]))
    ratios = [
        _positions_ratio(ours[seed]["validation_curve"], base[seed]["validation_curve"])
        for seed in sorted(ours.keys() & base.keys())
    ]
    return mean_estimate(np.array(ratios)) if len(ratios) > 1 else None


def _positions_ratio(ours: list[list[float]], base: list[list[float]]) -> float:
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


def _gain_moves(results: list[Result]) -> dict[str, Estimate]:
    """Largest move of a norm gain in Baseline 18L: pure bf16, and its control with fp32 weights at
    the same learning rates."""
    subjects = {MODEL: "pure_bf16", "fp32_master": "bf16_autocast"}
    base = [result for result in results if result["variant"] == BASELINES[18]]
    rates = {r["learning_rate"] for r in base if r["precision"] == "pure_bf16"}
    largest = {
        subject: [
            result["norm_gains"]["largest_move"]
            for result in base
            if result["precision"] == precision and (not rates or result["learning_rate"] in rates)
        ]
        for subject, precision in subjects.items()
    }
    return {s: Estimate(max(m), max(m), max(m)) for s, m in largest.items() if m}
