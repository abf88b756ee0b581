"""Verdicts as plain tables, for the README, the terminal and the notebooks."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from strata import paths, pipeline, profiles
from strata.claims import family
from strata.claims.entries import Check, Claim
from strata.claims.judging import OUTCOMES, Judged, Verdict
from strata.claims.nulls import holds
from strata.claims.numbers import exact, interval, number
from strata.claims.speaking import Spoken
from strata.records import Estimate
from strata.results import read_as, read_json

TAG = re.compile(r"<(?=[A-Za-z/!?])")  # begins a tag; `p < 0.05` does not


def counts(verdicts: list[Verdict]) -> dict[str, int]:
    """How many claims have each outcome, all outcomes named."""
    outcomes = [verdict.outcome for verdict in verdicts]
    return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}


def tally_table(spoken: Sequence[Spoken]) -> pd.DataFrame:
    """Claims by outcome: stated by the authors or derived by us, as published or on a stand-in."""
    rows = [
        {
            "claims": "derived by us" if each.claim.derived else "stated by the authors",
            "protocol": each.verdict.protocol,
            "verdict": each.verdict.outcome,
        }
        for each in spoken
    ]
    table = pd.DataFrame(rows)
    order = [outcome for outcome in OUTCOMES if outcome in set(table["verdict"])]
    counted = pd.crosstab([table["claims"], table["protocol"]], table["verdict"])[order]
    counted["all"] = counted.sum(axis=1)
    counted = counted.sort_index(ascending=[False, True])
    return counted.reset_index().rename_axis(None, axis=1)


def plain(verdicts: list[Verdict]) -> dict[str, Any]:
    """Verdicts as plain data by claim id, ready for JSON."""
    return {
        verdict.id: {
            **verdict._asdict(),
            "checks": [check._asdict() for check in verdict.checks],
        }
        for verdict in verdicts
    }


def read_verdicts(file: Path) -> dict[str, Verdict]:
    """Claim id -> verdict, from a file of `plain` verdicts."""
    return read_as(file, TypeAdapter(dict[str, Verdict]))


def metrics(verdicts: list[Verdict]) -> dict[str, int]:
    """How many claims have each outcome, and how many checks are measured, for `dvc metrics`."""
    checks = [check.model is not None for verdict in verdicts for check in verdict.checks]
    return counts(verdicts) | {"checks": len(checks), "checks measured": sum(checks)}


def check_table(spoken: Sequence[Spoken]) -> pd.DataFrame:
    """One row a check: who states it and where, theirs, what agrees, ours, nulls, verdict, on what,
    and where the evidence and the command are."""
    corrected = {
        key: p
        for letter in dict.fromkeys(each.claim.paper for each in spoken)
        for key, p in family.holm([one for one in spoken if one.claim.paper == letter]).items()
    }
    rows = [
        _check_row(each, check, judged)
        | {"Holm's p": family.shown(corrected.get((each.claim.id, check.name)))}
        for each in spoken
        for check, judged in zip(each.claim.checks, each.verdict.checks, strict=True)
    ]
    return pd.DataFrame(rows)


def command(file: str, profile: str) -> str:
    """What computes an evidence file anew; a dash if no stage does."""
    stage = pipeline.stage_of(file)
    if stage is None:
        return "-"
    place = "" if profile == profiles.base() else f"results/{profile}/dvc.yaml:"
    return f"dvc repro --force --single-item {place}{stage}"


def _check_row(spoken: Spoken, check: Check, judged: Judged) -> dict[str, str]:
    claim, profile, verdict = spoken.claim, spoken.profile, spoken.verdict
    source = claim.source_of(check)
    return {
        "claim": claim.id,
        "check": check.name,
        "where": f"{source.where} [{source.kind}]",
        "published": published(check),
        "agrees": region(check),
        "ours": measured(check, judged.model),
        "unit": check.unit.removeprefix("%").strip(),
        "exact": exact(judged.model),
        "nulls": _nulls(check, judged),
        "verdict": verdict_of(judged),
        "model": verdict.tried_on or "-",
        "profile": _profile(claim, profile),
        "evidence": f"{check.evidence.file}#{check.evidence.key}",
        "command": command(check.evidence.file, profile),
    }


def verdict_of(judged: Judged | Verdict) -> str:
    """The outcome, of an open one with why it is open."""
    if judged.outcome != "open":
        return judged.outcome
    reasons = judged.open if isinstance(judged.open, list) else [judged.open]
    return f"open: {', '.join(filter(None, reasons))}"


def published(check: Check) -> str:
    """The printed number and its unit, or the claim's direction in words."""
    if check.published is None:
        return check.says
    space = "" if check.unit.startswith("%") else " "
    return f"{number(check.published, check.change)}{space}{check.unit}"


def measured(check: Check, estimate: Mapping[str, float] | None) -> str:
    """A measurement as its check speaks of it: a sign on a change, and % behind a percentage."""
    return interval(estimate, "%" if check.unit.startswith("%") else "", check.change)


def region(check: Check) -> str:
    """What counts as agreement, in words."""
    low, high = check.region
    if check.kind == "sign":
        return f"{check.tolerance.side} 0"
    if low == high:
        return number(low)
    if math.isinf(high):
        return f"{number(low)} or more"
    if math.isinf(low):
        return f"{number(high)} or less"
    return f"{number(low)} to {number(high)}"


def _profile(claim: Claim, profile: str) -> str:
    """A profile and the devices that computed its evidence for a claim, and what that rests on."""
    names = pipeline.with_sources(claim.stage) if claim.stage else []
    found = sorted({device(profile, name) for name in names} - {""})
    return ", ".join([profile, *found])


def device(profile: str, stage: str) -> str:
    """What computed a stage's evidence: the card's name, `cpu`, or nothing where it is not told."""
    file = paths.results(profile) / "provenance" / f"{stage}.json"
    if not file.is_file():
        return ""
    run = read_json(file)
    return run.get("gpu", run.get("device", ""))


def claim_table(spoken: Sequence[Spoken]) -> pd.DataFrame:
    """One row a claim: what the paper says and where, the verdict and why, on what."""
    rows = [
        {
            "claim": each.claim.id,
            "paper says": each.claim.statement,
            "where": each.claim.source.where,
            "verdict": verdict_of(each.verdict),
            "because": because(each),
            "on": tried_on(each),
        }
        for each in spoken
    ]
    return pd.DataFrame(rows)


def tried_on(spoken: Spoken) -> str:
    """Model and profile, the protocol, and on a stand-in how it differs from the paper's."""
    verdict = spoken.verdict
    if verdict.tried_on is None:
        return "-"
    place = f"{verdict.tried_on}, {spoken.profile}"
    if not verdict.differences:
        return f"{place}: as published"
    found = "; ".join(f"{name}: {each}" for name, each in verdict.differences.items())
    return f"{place}: stand-in ({found})"


def because(spoken: Spoken) -> str:
    """Why a claim has its verdict, how many of its checks agree, and what it rests on."""
    verdict = spoken.verdict
    texts = [verdict.because]
    if verdict.outcome == "in part":
        texts.append(", ".join(f"{count} {outcome}" for outcome, count in verdict.parts.items()))
    texts += [f"rests on {name}: {outcome}" for name, outcome in verdict.rests_on.items()]
    if spoken.earlier:
        rule = spoken.claim.analysis.earlier.rule
        texts.append(f"under the earlier rule, {rule}: {verdict_of(spoken.earlier)}")
    return ". ".join(texts)


def null_models(claim: Claim, verdict: Verdict) -> str:
    """In how many of a claim's checks each null model agrees with the paper too."""
    return "; ".join(_agreeing(name, claim, verdict) for name in claim.nulls) or claim.no_null


def _agreeing(null: str, claim: Claim, verdict: Verdict) -> str:
    held = [
        holds(check.region, Estimate(**judged.nulls[null]))
        for check, judged in zip(claim.checks, verdict.checks, strict=True)
        if null in judged.nulls
    ]
    name = null.replace("_", " ")
    if not held:
        return f"{name} not tried"
    return f"{name} agrees in {held.count(True)} of {len(held)} checks"


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, cells escaped."""
    escaped = table.astype(str).map(lambda cell: TAG.sub("&lt;", cell.replace("|", "\\|")))
    lines = [escaped.columns, ["---"] * len(escaped.columns), *escaped.itertuples(index=False)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _nulls(check: Check, judged: Judged) -> str:
    parts = [
        f"{name.replace('_', ' ')} {measured(check, null)}" for name, null in judged.nulls.items()
    ]
    return "; ".join(parts) or "-"
