"""The report's parts in Markdown, for README, docs and HTML alike."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from strata import profiles
from strata.claims import family
from strata.claims.judging import OUTCOMES, Outcome
from strata.claims.quoting import quote
from strata.claims.speaking import Spoken, profile_of
from strata.claims.tables import (
    because,
    check_table,
    claim_table,
    command,
    counts,
    markdown,
    null_models,
    tally_table,
    tried_on,
    verdict_of,
)
from strata.report.forest import strip
from strata.report.material import Material, heading
from strata.report.sections import Section, section_of
from strata.report.texts import Headline

MEANINGS: dict[Outcome, str] = {
    "replicated": "every check agrees, no null model does the same, and model, data and method are "
    "the paper's",
    "not replicated": "under the paper's protocol no check agrees",
    "holds on a stand-in": "agrees and is specific, on another model, text or size, which is named",
    "fails on a stand-in": "does not agree, on another model, text or size, which is named",
    "in part": "some checks agree and some are refuted; the counts are given",
    "not specific": "a null model agrees with the paper as well",
    "artefact": "agrees only with the published error in place",
    "open": "not decided, and why: more data would decide (with the amount), it cannot be decided "
    "this way, the number is not comparable, or the null model is undecided",
    "not run": "there is no evidence",
}
ROW = ["claim", "check", "where", "published", "agrees", "ours", "nulls", "verdict", "Holm's p"]
ROW += ["profile", "evidence"]


def tally(spoken: list[Spoken]) -> str:
    """`81 claims, 73 stated by the authors and 8 derived by us. Replicated 3, ... at study.`"""
    outcomes = counts([each.verdict for each in spoken])
    outcome = ", ".join(f"{name} {number}" for name, number in outcomes.items() if number)
    derived = sum(each.claim.derived for each in spoken)
    found = pd.Series([each.profile for each in spoken]).value_counts(sort=False)
    profile = ", ".join(f"{number} at {name}" for name, number in found.items())
    stated = f"{len(spoken) - derived} stated by the authors and {derived} derived by us"
    return f"{len(spoken)} claims, {stated}. {outcome.capitalize()}. Judged: {profile}."


def tallies(material: Material) -> str:
    """Claims by outcome: stated or derived, as published or on a stand-in."""
    return f"{tally(material.spoken)}\n\n{markdown(tally_table(material.spoken))}\n"


class Finding(NamedTuple):
    """A headline as it is shown: the claim, the check that speaks for it and its strip, what was
    found on it, and how sure that is."""

    spoken: Spoken
    shown: dict[str, str]
    strip: str
    found: str
    because: str
    nulls: str
    command: str


def findings(material: Material) -> dict[str, list[Finding]]:
    """The headlines of each paper, by its heading."""
    by_id = {each.claim.id: each for each in material.spoken}
    return {
        heading(paper): [
            _finding(by_id[each.claim], each, material.results)
            for each in material.headlines[paper.letter]
        ]
        for paper in material.papers
    }


def _finding(spoken: Spoken, headline: Headline, results: Path) -> Finding:
    claim, profile = spoken.claim, spoken.profile
    place = [check.evidence.key for check in claim.checks].index(headline.shown)
    return Finding(
        spoken,
        check_table([spoken]).iloc[place].to_dict(),
        strip(claim.checks[place], spoken.verdict.checks[place]),
        quote(headline.found, results, lambda _: profile, profile),
        because(spoken),
        null_models(claim, spoken.verdict),
        command(claim.checks[0].evidence.file, profile),
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
                "verdict": f"**{verdict_of(spoken.verdict)}**",
            }
        )
    return f"{tallies(material)}\n{markdown(pd.DataFrame(rows))}\n"


def headlines(material: Material) -> str:
    """Every headline, by paper: what was claimed, what we found, verdict, profile."""
    lines = []
    for title, found in findings(material).items():
        lines += [f"### {title}", ""]
        for each in found:
            claim, verdict = each.spoken.claim, each.spoken.verdict
            lines.append(
                f"- **{claim.statement}** ({claim.id}). {each.found} "
                f"**Verdict: {verdict_of(verdict)}** ({tried_on(each.spoken)})."
            )
        lines.append("")
    return "\n".join(lines)


def claims(material: Material, places: dict[str, Section]) -> str:
    """One row a claim: what is said, verdict, profile, command, link to the notebook's section.

    Args:
        places: section_of_claims.
    """
    rows = []
    for spoken in material.spoken:
        claim, profile = spoken.claim, spoken.profile
        place = section_of(claim.id, places)
        more = f"[{place.text}]({place.notebook}.ipynb#{place.anchor})" if place else "-"
        rows.append(
            {
                "claim": claim.id,
                "the paper says": claim.statement,
                "verdict": verdict_of(spoken.verdict),
                "profile": profile,
                "command": f"`{command(claim.checks[0].evidence.file, profile)}`",
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
    """Every claim, then every check, a section a paper: verdict, protocol, evidence, commands."""
    lines = [tallies(material), ""]
    for paper in material.papers:
        spoken = material.of(paper)
        table = check_table(spoken)
        table["evidence"] = [
            f"[`{place}`]({profile.partition(',')[0]}/{place.partition('#')[0]})"
            if ours != "-"
            else f"`{place}`"
            for place, profile, ours in zip(
                table["evidence"], table["profile"], table["ours"], strict=True
            )
        ]
        lines += [f"## {heading(paper)}", "", markdown(claim_table(spoken)), ""]
        lines += [f"### Every check of paper {paper.letter}", "", _by_chance(spoken), ""]
        lines += ["<details>", f"<summary>{len(table)} checks</summary>", ""]
        lines += [markdown(table[ROW]), "", "</details>", ""]
        lines += [f"### What measures paper {paper.letter} again", "", _commands(table), ""]
        lines += [f"### Tables and figures of paper {paper.letter}", ""]
        lines += [coverage_of(material, paper.letter), ""]
    return "\n".join(lines)


def _commands(checks: pd.DataFrame) -> str:
    """Which claims a command measures again; a check_table's rows."""
    found = checks[checks["command"] != "-"].groupby("command", sort=False)["claim"]
    rows = [{"command": f"`{each}`", "claims": ", ".join(own.unique())} for each, own in found]
    return markdown(pd.DataFrame(rows))


def _by_chance(spoken: list[Spoken]) -> str:
    measured, decided, chance = family.decided(spoken)
    return (
        f"{measured} checks were measured and {decided} of them decided. If every true value lay "
        f"on the end of its region, chance alone would decide about {chance:.1f}. Holm's p is over "
        "the paper's sign checks."
    )


def coverage_of(material: Material, letter: str) -> str:
    """Every table and figure of a paper that is known: which claims it carries, or why none."""
    by_id = {each.claim.id: each for each in material.spoken}
    rows = [
        {
            "in the paper": each.item,
            "shows": each.shows,
            "claims": ", ".join(each.claims) or "-",
            "verdicts": "; ".join(
                dict.fromkeys(verdict_of(by_id[name].verdict) for name in each.claims)
            )
            or each.reason,
        }
        for each in material.coverage[letter]
    ]
    return markdown(pd.DataFrame(rows)) + "\n" if rows else ""


def corrections(material: Material) -> str:
    """What an earlier edition of the ledger had wrong, a table a paper."""
    lines = []
    for paper in material.papers:
        rows = [
            {
                "date": str(each.date),
                "claims": ", ".join(each.claims) or "-",
                "was": each.was,
                "is": each.now,
                "because": each.because,
            }
            for each in material.corrections[paper.letter]
        ]
        if rows:
            lines += [f"### {heading(paper)}", "", markdown(pd.DataFrame(rows)), ""]
    return "\n".join(lines)


def meanings(_: Material) -> str:
    """What each verdict means."""
    table = pd.DataFrame(MEANINGS.items(), columns=["verdict", "meaning"])
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
