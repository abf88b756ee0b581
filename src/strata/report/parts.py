"""The report's parts in Markdown, for README and HTML alike."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from strata import paths
from strata.claims import load_ledger
from strata.claims.best import Best, best_powered
from strata.claims.judging import OUTCOMES, Outcome
from strata.claims.quoting import quote
from strata.claims.tables import because, best_table, command, counts, markdown, null_models
from strata.report.costs import cost_table
from strata.report.sections import Section, section_of
from strata.report.texts import Deviation, Headline, load_deviations, load_headlines

PAPERS = {
    "A": "Paper A: Anatomical Heterogeneity in Transformer Language Models",
    "B": "Paper B: Crown, Frame, Reverse: Layer-Wise Scaling Variants",
    "C": "Paper C: Transformer Layers as Painters",
}
MEANINGS: dict[Outcome, str] = {
    "replicated": "lies inside the tolerance, and no null model's does",
    "partly": "of a claim with several numbers, some are replicated",
    "not replicated": "lies outside the tolerance",
    "not specific": "lies inside, but a null model's does too",
    "artefact": "lies inside only with the published error in place",
    "underpowered": "lies on both sides, or the profile is too small; of a claim with several "
    "numbers, some are so and none is replicated",
    "not run": "there is no evidence at any profile, or a null model was not tried",
}


class Material(NamedTuple):
    """Everything the report is made of, read once."""

    results: Path
    best: list[Best]
    headlines: list[Headline]
    deviations: list[Deviation]


def read_material() -> Material:
    """Read ledger, evidence, headlines and deviations.

    Raises:
        LedgerError: one of them is malformed, or names what is not there.
    """
    claims = load_ledger(paths.CLAIMS)
    known = {claim.id for claim in claims}
    results = paths.ROOT / "results"
    return Material(
        results,
        best_powered(claims, results),
        load_headlines(paths.HEADLINES, known),
        load_deviations(paths.DEVIATIONS, known),
    )


def tally(best: list[Best]) -> str:
    """`50 claims: 7 replicated, ...; 2 speak from the profile gpu, ...`."""
    outcomes = counts([each.verdict for each in best])
    outcome = ", ".join(f"{number} {name}" for name, number in outcomes.items() if number)
    profiles = pd.Series([each.profile for each in best]).value_counts(sort=False)
    profile = ", ".join(f"{number} at {name}" for name, number in profiles.items())
    return f"{len(best)} claims: {outcome}. Judged: {profile}."


class Finding(NamedTuple):
    """A headline as it is shown: the claim, what was found on it, and how sure that is."""

    best: Best
    found: str
    because: str
    nulls: str
    command: str


def findings(material: Material) -> dict[str, list[Finding]]:
    """The headlines of each paper, by its title."""
    by_id = {each.claim.id: each for each in material.best}
    every = [
        _finding(by_id[each.claim], each.found, material.results) for each in material.headlines
    ]
    return {
        title: [each for each in every if each.best.claim.paper == paper]
        for paper, title in PAPERS.items()
    }


def _finding(best: Best, found: str, results: Path) -> Finding:
    claim, profile, verdict = best
    return Finding(
        best,
        quote(found, results, profile),
        because(verdict),
        null_models(claim, verdict),
        command(claim, profile),
    )


def headlines(material: Material) -> str:
    """Every headline, by paper: what was claimed, what we found, verdict, profile."""
    lines = []
    for title, found in findings(material).items():
        lines += [f"### {title}", ""]
        for each in found:
            claim, profile, verdict = each.best
            lines.append(
                f"- **{claim.statement}** ({claim.id}). {each.found} "
                f"**Verdict: {verdict.outcome}** ({profile}: {verdict.tried_on or 'nothing'})."
            )
        lines.append("")
    return "\n".join(lines)


def claims(material: Material, places: dict[str, Section]) -> str:
    """One row a claim: what is said, verdict, profile, command, link to the notebook's section.

    Args:
        places: section_of_claims.
    """
    rows = []
    for claim, profile, verdict in material.best:
        place = section_of(claim.id, places)
        rows.append(
            {
                "claim": claim.id,
                "the paper says": claim.statement,
                "verdict": verdict.outcome,
                "profile": profile,
                "command": f"`{command(claim, profile)}`",
                "more": f"[{place.text}]({place.notebook}.ipynb#{place.anchor})",
            }
        )
    return markdown(pd.DataFrame(rows))


def counts_by_paper(material: Material) -> pd.DataFrame:
    """Number of claims by outcome, a row a paper."""
    rows = [(each.claim.paper, each.verdict.outcome) for each in material.best]
    table = pd.DataFrame(rows, columns=["paper", "verdict"])
    order = [outcome for outcome in OUTCOMES if outcome in set(table["verdict"])]
    counted = pd.crosstab(table["paper"], table["verdict"], margins=True, margins_name="all")
    return counted[[*order, "all"]]


def verdicts(material: Material) -> str:
    """Counts, then every published number in a table that folds away."""
    table = markdown(best_table(material.best))
    summary = "<summary>Every published number, ours, and the verdict</summary>"
    return f"{tally(material.best)}\n\n<details>\n{summary}\n\n{table}\n\n</details>\n"


def meanings(material: Material) -> str:
    """What each verdict means."""
    table = pd.DataFrame(MEANINGS.items(), columns=["verdict", "the 95% interval"])
    return markdown(table) + "\n"


def deviations(material: Material) -> str:
    """Where papers, released code and this repository differ, a table a paper."""
    return "\n".join(
        f"### {title}\n\n{deviations_of(material, paper)}" for paper, title in PAPERS.items()
    )


def deviations_of(material: Material, paper: str) -> str:
    """One paper's deviations, and what each changes."""
    rows = [
        {
            "about": each.about,
            "the paper says": each.says,
            "its released code does": each.code,
            "we do": each.here,
            "what it changes": quote(each.changes, material.results),
            "claims": ", ".join(each.claims),
        }
        for each in material.deviations
        if each.paper == paper
    ]
    return markdown(pd.DataFrame(rows)) + "\n"


def costs(material: Material) -> str:
    """Minutes, peak memory and machine of every stage at every profile."""
    return markdown(cost_table(material.results)) + "\n"
