"""The report's parts in Markdown, for README, docs and HTML alike."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from strata import paths, pipeline, profiles
from strata.claims import load_ledger
from strata.claims.judging import OUTCOMES, Outcome
from strata.claims.quoting import quote
from strata.claims.speaking import Spoken, profile_of, speaking
from strata.claims.tables import (
    because,
    check_table,
    command,
    counts,
    markdown,
    null_models,
)
from strata.papers import Paper, load_papers
from strata.report.costs import cost_table
from strata.report.sections import Section, section_of
from strata.report.texts import Deviation, Headline, load_deviations, load_headlines

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
ROW = ["claim", "number", "published", "ours", "nulls", "verdict", "model", "profile", "evidence"]


class Material(NamedTuple):
    """Everything the report is made of, read once; headlines and deviations by paper's letter."""

    results: Path
    papers: list[Paper]
    spoken: list[Spoken]
    headlines: dict[str, list[Headline]]
    deviations: dict[str, list[Deviation]]

    def of(self, paper: Paper) -> list[Spoken]:
        """The claims of one paper."""
        return [each for each in self.spoken if each.claim.paper == paper.letter]


def read_material() -> Material:
    """Read ledger, evidence, headlines and deviations.

    Raises:
        LedgerError: one of them is malformed, or names what is not there.
    """
    papers, claims = load_papers(), load_ledger()
    known = {claim.id for claim in claims}
    return Material(
        paths.RESULTS,
        papers,
        speaking(claims),
        {
            each.letter: load_headlines(paths.PAPERS / each.room / "headlines.yaml", known)
            for each in papers
        },
        {
            each.letter: load_deviations(paths.PAPERS / each.room / "deviations.yaml", known)
            for each in papers
        },
    )


def heading(paper: Paper) -> str:
    """What a paper is called in a heading."""
    return f"Paper {paper.letter}: {paper.title}"


def tally(spoken: list[Spoken]) -> str:
    """`65 claims: 8 replicated, ...; the evidence speaks from study for 30, laptop for 35.`"""
    outcomes = counts([each.verdict for each in spoken])
    outcome = ", ".join(f"{number} {name}" for name, number in outcomes.items() if number)
    found = pd.Series([each.profile for each in spoken]).value_counts(sort=False)
    profile = ", ".join(f"{number} at {name}" for name, number in found.items())
    return f"{len(spoken)} claims: {outcome}. Judged: {profile}."


class Finding(NamedTuple):
    """A headline as it is shown: the claim, what was found on it, and how sure that is."""

    spoken: Spoken
    found: str
    because: str
    nulls: str
    command: str


def findings(material: Material) -> dict[str, list[Finding]]:
    """The headlines of each paper, by its heading."""
    by_id = {each.claim.id: each for each in material.spoken}
    return {
        heading(paper): [
            _finding(by_id[each.claim], each.found, material.results)
            for each in material.headlines[paper.letter]
        ]
        for paper in material.papers
    }


def _finding(spoken: Spoken, found: str, results: Path) -> Finding:
    claim, profile, verdict = spoken
    return Finding(
        spoken,
        quote(found, results, lambda _: profile, profile),
        because(verdict),
        null_models(claim, verdict),
        command(claim, profile),
    )


def papers(material: Material) -> str:
    """One row a paper."""
    rows = [
        {
            "paper": each.letter,
            "title": f"[{each.title}](https://arxiv.org/abs/{each.arxiv})",
            "about": each.about,
            "notebook": f"[{each.notebook}](notebooks/{each.notebook}.ipynb)",
        }
        for each in material.papers
    ]
    return markdown(pd.DataFrame(rows)) + "\n"


def headline_table(material: Material) -> str:
    """One row a headline: what the paper claims, its number, ours, on what, the verdict."""
    table = check_table(material.spoken)
    rows = []
    for headline in (each for every in material.headlines.values() for each in every):
        own = table[table["claim"] == headline.claim]
        row = own[own["evidence"].str.endswith(f"#{headline.shown}")].iloc[0]
        (spoken,) = (each for each in material.spoken if each.claim.id == headline.claim)
        rows.append(
            {
                "claim": f"{spoken.claim.statement} ({headline.claim})",
                "published": row["published"],
                "ours": row["ours"],
                "on": f"{row['model']}; {row['profile']}",
                "verdict": f"**{spoken.verdict.outcome}**",
            }
        )
    return f"{tally(material.spoken)}\n\n{markdown(pd.DataFrame(rows))}\n"


def headlines(material: Material) -> str:
    """Every headline, by paper: what was claimed, what we found, verdict, profile."""
    lines = []
    for title, found in findings(material).items():
        lines += [f"### {title}", ""]
        for each in found:
            claim, profile, verdict = each.spoken
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
    for claim, profile, verdict in material.spoken:
        place = section_of(claim.id, places)
        more = f"[{place.text}]({place.notebook}.ipynb#{place.anchor})" if place else "-"
        rows.append(
            {
                "claim": claim.id,
                "the paper says": claim.statement,
                "verdict": verdict.outcome,
                "profile": profile,
                "command": f"`{command(claim, profile)}`",
                "more": more,
            }
        )
    return markdown(pd.DataFrame(rows))


def counts_by_paper(material: Material) -> pd.DataFrame:
    """Number of claims by outcome, a row a paper."""
    rows = [(each.claim.paper, each.verdict.outcome) for each in material.spoken]
    table = pd.DataFrame(rows, columns=["paper", "verdict"])
    order = [outcome for outcome in OUTCOMES if outcome in set(table["verdict"])]
    counted = pd.crosstab(table["paper"], table["verdict"], margins=True, margins_name="all")
    return counted[[*order, "all"]]


def verdicts(material: Material) -> str:
    """Every published number, a section a paper, with where its evidence is and its command."""
    lines = [tally(material.spoken), ""]
    for paper in material.papers:
        table = check_table(material.of(paper))
        table["evidence"] = [
            f"[`{place}`]({profile.partition(',')[0]}/{place.partition('#')[0]})"
            if ours != "-"
            else f"`{place}`"
            for place, profile, ours in zip(
                table["evidence"], table["profile"], table["ours"], strict=True
            )
        ]
        table["command"] = [f"`{each}`" if each != "-" else each for each in table["command"]]
        lines += [f"## {heading(paper)}", "", markdown(table[[*ROW, "command"]]), ""]
    return "\n".join(lines)


def meanings(_: Material) -> str:
    """What each verdict means."""
    table = pd.DataFrame(MEANINGS.items(), columns=["verdict", "the 95% interval"])
    return markdown(table) + "\n"


def deviations(material: Material) -> str:
    """Where papers, released code and this repository differ, a table a paper."""
    return "\n".join(
        f"## {heading(paper)}\n\n{deviations_of(material, paper.letter)}"
        for paper in material.papers
    )


def deviations_of(material: Material, letter: str) -> str:
    """One paper's deviations, and what each changes."""
    speaks: Callable[[str], str | None] = lambda file: profile_of(file, material.spoken)
    rows = [
        {
            "about": each.about,
            "the paper says": each.says,
            "its released code does": each.code,
            "we do": each.here,
            "what it changes": quote(each.changes, material.results, speaks, profiles.base()),
            "claims": ", ".join(each.claims),
        }
        for each in material.deviations[letter]
    ]
    return markdown(pd.DataFrame(rows)) + "\n"


def costs(material: Material) -> str:
    """Minutes, peak memory and machine of every stage at every profile."""
    return markdown(cost_table(material.results)) + "\n"


def evidence(_: Material) -> str:
    """Which stage writes an evidence file, by which script, and which modules compute it."""
    rows = [
        {
            "file, below results/PROFILE/": ", ".join(f"`{file}`" for file in pipeline.files(name)),
            "stage": name,
            "script": f"[`{script.name}`](../src/{script.name})",
            "computed in": ", ".join(f"`{module}`" for module in pipeline.direct_modules(script)),
        }
        for name, script in ((name, pipeline.script(name)) for name in pipeline.stages())
    ]
    return markdown(pd.DataFrame(rows)) + "\n"
