"""Executed notebooks and verdicts to HTML pages that need no network.

nbconvert's full templates load MathJax and require.js from elsewhere, so only its body is taken
and set in a page of our own, with style and script inline. Ledger and notebooks may come from
elsewhere: their text is escaped, their HTML loses what runs, loads or leads away by itself.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import bleach
import nbformat
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import Environment, PackageLoader, StrictUndefined
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from nbconvert.preprocessors import ExecutePreprocessor

from strata import paths, pipeline, profiles
from strata.claims.agreement import agreement_table
from strata.claims.figures import agreement
from strata.claims.judging import OUTCOMES
from strata.claims.speaking import Spoken
from strata.claims.tables import because, check_table, command, counts, tried_on
from strata.report import parts, pictures, stages
from strata.report.material import Material, heading
from strata.report.sections import Section, section_of, section_of_claims, sections
from strata.report.source import source

SECONDS_A_CELL = 300
INDEX_SECTIONS = (
    *("Headlines", "All claims on one axis", "Every claim", "How verdicts are made"),
    *("Where paper, code and we differ", "What was read", "What a run costs", "How to rerun"),
)
AXIS = "Every check's distance from the published value, with its interval"
NARROW = (  # the list of contents is closed where it would fill the screen
    'if (matchMedia("(max-width: 60rem)").matches) '
    'document.querySelector(".contents").open = false;'
)
# fmt: off
TAGS = {
    "a", "b", "blockquote", "br", "code", "dd", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4",
    "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "small", "span", "strong", "style", "sub",
    "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
}
ATTRIBUTES = {
    "alt", "border", "class", "colspan", "href", "id", "rowspan", "scope", "scoped", "src", "style",
    "title",
}
# fmt: on


class Page(NamedTuple):
    """A page: its file, its short name in the list of pages, its title."""

    file: str
    name: str
    title: str


INDEX = Page("index.html", "Summary", "What holds")


def pages_of(notebooks: list[Path]) -> list[Page]:
    """The index and a page a notebook, named by the part of its title before a colon."""
    titles = [sections(notebook)[0].text for notebook in notebooks]
    return [INDEX] + [
        Page(f"{notebook.stem}.html", title.split(":")[0], title)
        for notebook, title in zip(notebooks, titles, strict=True)
    ]


def executed(notebook: Path) -> nbformat.NotebookNode:
    """A notebook run anew with its pictures as SVG.

    Raises:
        CellExecutionError: a cell fails.
    """
    node = nbformat.read(notebook, as_version=4)
    run = ExecutePreprocessor(
        timeout=SECONDS_A_CELL,
        extra_arguments=["--InlineBackend.figure_formats=svg", "--IPKernelApp.log_level=ERROR"],
    )
    return run.preprocess(node, {"metadata": {"path": str(notebook.parent)}})[0]


def notebook_page(
    node: nbformat.NotebookNode, notebook: Path, pages: list[Page], spoken: Sequence[Spoken]
) -> str:
    """A notebook with outputs as a page, inputs hidden."""
    exporter = HTMLExporter(
        template_name="basic", exclude_input=True, exclude_output_prompt=True,
        anchor_link_text="",
    )  # fmt: skip
    body, _ = exporter.from_notebook_node(pictures.described(node, notebook.stem, spoken))
    page = next(page for page in pages if page.file == f"{notebook.stem}.html")
    contents = [section for section in sections(notebook) if section.level > 1]
    body = pictures.inlined(_linked(_clean(body), pages), "figure")
    return _page(page, pages, body, contents)


def index_page(material: Material, notebooks: list[Path], pages: list[Page]) -> str:
    """The summary: headlines, all claims with search and filters, deviations, costs."""
    found = section_of_claims(notebooks, material.papers)
    places = {each.claim.id: section_of(each.claim.id, found) for each in material.spoken}
    findings = parts.findings(material)
    found_of = {each.spoken.claim.id: each.found for every in findings.values() for each in every}
    by_letter = {paper.letter: paper for paper in material.papers}
    claims = [
        _claim(each, places[each.claim.id], by_letter[each.claim.paper].room)
        | {"words": f"{by_letter[each.claim.paper].title} {found_of.get(each.claim.id, '')}"}
        for each in material.spoken
    ]
    filters = {
        name: [value for value in order if value in {claim[name] for claim in claims}]
        for name, order in (
            ("paper", [paper.letter for paper in material.papers]),
            ("verdict", OUTCOMES),
            ("profile", sorted({claim["profile"] for claim in claims})),
        )
    }
    body = _environment().get_template("index.html.j2").render(
        tally=parts.tally(material.spoken),
        counts=counts([each.verdict for each in material.spoken]),
        papers=[
            (paper, counts([each.verdict for each in material.of(paper)]), findings[heading(paper)])
            for paper in material.papers
        ],
        sections=places,
        figure=pictures.drawing(agreement(agreement_table(material.spoken)), AXIS, "figure"),
        filters=filters,
        claims=claims,
        meanings=parts.MEANINGS,
        deviations=_clean(markdown2html(parts.deviations(material))),
        costs=_clean(markdown2html(stages.costs(material))),
        inputs=[each for name in profiles.speaking() for each in stages.inputs(name)],
    )  # fmt: skip
    contents = [Section("", 2, text) for text in INDEX_SECTIONS]
    return _page(INDEX, pages, body, contents, _source("verdicts.js"))


def single_page(title: str, template: str, **material: Any) -> str:
    """A page outside the report, of a template of this room."""
    body = _environment().get_template(template).render(title=title, **material)
    return _page(Page("", "", title), [], body, [])


def _claim(spoken: Spoken, section: Section | None, room: str) -> dict[str, Any]:
    claim, profile, verdict = spoken.claim, spoken.profile, spoken.verdict
    rows = check_table([spoken]).to_dict("records")
    return {
        "id": claim.id,
        "paper": claim.paper,
        "statement": claim.statement,
        "where": claim.source.where,
        "profile": profile,
        "model": tried_on(spoken),
        "because": because(spoken),
        "note": claim.note,
        "verdict": verdict.outcome,
        "section": section,
        "rows": [
            row | {"reason": check.tolerance.reason, "file": f"{profile}/{check.evidence.file}"}
            for row, check in zip(rows, claim.checks, strict=True)
        ],
        "ledger": f"data/papers/{room}/claims.yaml",
    } | _behind(claim.stage, profile)


@cache
def _behind(stage: str | None, profile: str) -> dict[str, Any]:
    """What computes a claim's evidence, what that cost and reads; nothing where no stage does."""
    if stage is None:
        return {"command": "", "cost": "", "code": [], "inputs": []}
    script = pipeline.script(stage)
    return {
        "command": command(pipeline.files(stage)[0], profile),
        "cost": stages.cost(paths.results(profile), stage),
        "code": [
            f"src/{script.name}",
            *(f"src/{each}" for each in pipeline.direct_modules(script)),
        ],
        "inputs": stages.inputs_of(stage, profile),
    }


def _page(
    page: Page, pages: list[Page], body: str, contents: list[Section], script: str = ""
) -> str:
    return _environment().get_template("page.html.j2").render(
        title=page.title,
        file=page.file,
        pages=pages,
        body=body,
        contents=contents,
        style=_source("style.css"),
        script=script,
        source=source(),
        narrow=NARROW,
        hashes=[
            base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()
            for each in (script, NARROW)
        ],
    )  # fmt: skip


def _clean(body: str) -> str:
    """HTML that runs nothing, loads nothing, and leads elsewhere only by a link that is clicked."""
    return bleach.clean(
        body,
        tags=TAGS,
        attributes=_is_quiet,
        protocols=["http", "https", "data"],
        css_sanitizer=CSSSanitizer(),
    )


def _is_quiet(_tag: str, name: str, value: str) -> bool:
    return name in ATTRIBUTES and (name != "src" or value.startswith("data:image/"))


def _linked(body: str, pages: list[Page]) -> str:
    """Links between notebooks become links between pages."""
    for page in pages:
        body = body.replace(f'href="{page.file.removesuffix(".html")}.ipynb', f'href="{page.file}')
    return body


def _source(name: str) -> str:
    return files("strata.report").joinpath(name).read_text(encoding="utf-8")


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("strata.report", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=True,
    )
