"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PARAMS = ROOT / "params.yaml"
PROFILES = ROOT / "profiles"
PIPELINE = ROOT / "dvc.yaml"
PAPERS = ROOT / "data" / "papers"
AUTHORED = ROOT / "data" / "authored"
LOCAL = ROOT / "data" / "local"
MODELS = ROOT / "data" / "models"
WORK = ROOT / "data" / "work"
LOCKS = WORK / "locks"
NOTEBOOKS = ROOT / "notebooks"
DOCS = ROOT / "docs"
RESULTS = ROOT / "results"
REPORT = RESULTS / "report"
LOOK = RESULTS / "look"
README = ROOT / "README.md"


def results(profile: str) -> Path:
    """Folder of a profile's evidence, verdicts and resolved parameters."""
    return RESULTS / profile


def runs(profile: str) -> Path:
    """Folder of a profile's training runs: the trained models."""
    return ROOT / "data" / "runs" / profile
