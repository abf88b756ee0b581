"""Committed files that are written by code: README.md's tables and the ledger's JSON schema.

    python -m strata.generated

A part of the README lies between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

import json
import re
from pathlib import Path

from pydantic import TypeAdapter

from strata import paths
from strata.claims import Claim
from strata.params import LAPTOP
from strata.records import write_text

SCHEMA = paths.CLAIMS.with_suffix(".schema.json")
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def generated() -> dict[Path, str]:
    """File -> its text as code and evidence now have it.

    Raises:
        KeyError: the README names a part that is not known.
    """
    schema = TypeAdapter(list[Claim]).json_schema()
    return {
        paths.README: _readme(paths.README.read_text(encoding="utf-8")),
        SCHEMA: json.dumps(schema, indent=1, sort_keys=True) + "\n",
    }


def _readme(text: str) -> str:
    parts = {"verdicts": (paths.results(LAPTOP) / "verdicts.md").read_text(encoding="utf-8")}
    return PART.sub(lambda match: f"{match[1]}{parts[match[2]]}{match[3]}", text)


if __name__ == "__main__":
    for file, text in generated().items():
        write_text(file, text)
