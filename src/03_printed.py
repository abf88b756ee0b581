"""Work out what the papers' printed numbers imply, to judge them against the papers' own words.

Claims    A-OWN-RANGE, B-WORDS
Inputs    the ledger's published numbers
Outputs   results/<profile>/printed.json    what the ledger judges
Cost      a second

    python src/03_printed.py
"""

from strata import paths, stage
from strata.claims.printed import implied
from strata.evidence import MODEL
from strata.params import Params
from strata.records import write_measurements

ABOUT = {"model": "none: arithmetic on printed numbers"}


def run(settings: Params) -> None:
    measured = {key: {MODEL: each} for key, each in implied().items()}
    write_measurements(paths.results(settings.profile) / "printed.json", ABOUT, measured)


if __name__ == "__main__":
    stage.main(__doc__, run)
