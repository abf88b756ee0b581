"""Committed files, or parts of them, that code writes: tables in Markdown, JSON schemas, a picture.

    python -m strata.generated

A part of a Markdown file lies between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from pydantic import TypeAdapter

from strata import paths, pipeline
from strata.claims import Claim
from strata.claims.agreement import agreement_table
from strata.claims.figures import agreement
from strata.figures import style
from strata.papers import Paper
from strata.records import write_text
from strata.report import parts, stages
from strata.report.material import Material, read_material
from strata.report.texts import Correction, Covered, Deviation, Headline

SCHEMAS = {
    "paper": Paper,
    "claims": list[Claim],
    "deviations": list[Deviation],
    "headlines": list[Headline],
    "corrections": list[Correction],
    "coverage": list[Covered],
}
PARTS: dict[str, Callable[[Material], str]] = {
    "papers": parts.papers,
    "headlines": parts.headline_table,
    "verdicts": parts.verdicts,
    "meanings": parts.meanings,
    "deviations": parts.deviations,
    "corrections": parts.corrections,
    "costs": stages.costs,
    "evidence": stages.evidence,
    "pipeline": stages.graph,
}
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)
PICTURE = paths.RESULTS / "agreement.png"


def generated() -> dict[Path, str]:
    """File -> its text as code and evidence now have it.

    Raises:
        KeyError: a file names a part that is not known.
    """
    material = read_material()
    pages = [paths.README, paths.RESULTS / "README.md", *sorted(paths.DOCS.glob("*.md"))]
    texts = {page: _filled(page.read_text(encoding="utf-8"), material) for page in pages}
    entries = pipeline.with_dependencies(paths.PIPELINE.read_text(encoding="utf-8"))
    schemas = {
        paths.PAPERS / f"{name}.schema.json": _schema(kind) for name, kind in SCHEMAS.items()
    }
    return {paths.PIPELINE: entries, **texts, **schemas}


def _schema(kind: Any) -> str:
    return json.dumps(TypeAdapter(kind).json_schema(), indent=1, sort_keys=True) + "\n"


def _filled(text: str, material: Material) -> str:
    return PART.sub(lambda match: f"{match[1]}{PARTS[match[2]](material)}{match[3]}", text)


def picture() -> None:
    """Draw every claim on one axis, as the speaking profiles judge it."""
    matplotlib.use("agg")
    style.use_style()
    style.save(agreement(agreement_table(read_material().spoken)), PICTURE)


if __name__ == "__main__":
    for file, text in generated().items():
        write_text(file, text)
    picture()
