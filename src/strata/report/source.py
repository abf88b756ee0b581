"""Which state of the repository a page was made from, and how to cite it."""

import subprocess
from typing import NamedTuple

from strata import paths
from strata.errors import StrataError
from strata.yamls import read_mapping


class Source(NamedTuple):
    """A git commit, its day (ISO 8601), and an entry for BibTeX; without git no commit and day."""

    commit: str
    day: str
    bibtex: str


def source() -> Source:
    """What the files on disk were checked out from.

    Raises:
        StrataError: CITATION.cff is not a mapping.
    """
    try:
        log = ["git", "log", "-1", "--format=%H %cs"]
        found = subprocess.run(log, cwd=paths.ROOT, capture_output=True, text=True, check=True)
        commit, day = found.stdout.split()
    except (OSError, subprocess.CalledProcessError):
        commit, day = "", ""
    return Source(commit, day, _bibtex(commit, day))


def _bibtex(commit: str, day: str) -> str:
    about = read_mapping(paths.ROOT / "CITATION.cff", StrataError)
    fields = {
        "title": f"{{{about['title']}}}",
        "author": " and ".join(f"{{{each['name']}}}" for each in about["authors"]),
        "version": about["version"],
        "year": day[:4],
        "note": commit and f"commit {commit}",
    }
    lines = [f"  {name} = {{{each}}}," for name, each in fields.items() if each]
    return "\n".join(["@software{strata,", *lines, "}"])
