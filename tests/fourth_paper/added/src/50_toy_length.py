"""Count passages.

Claims    D-LENGTH
Inputs    the evaluation text
Outputs   results/<profile>/toy/length.json, lengths.csv
Cost      a second
"""

import pandas as pd

from strata import stage
from strata.evidence import MODEL, Evidence
from strata.params import Params
from strata.records import Estimate
from strata.text import read_passages


def run(settings: Params) -> None:
    evidence = Evidence("toy", settings.profile)
    passages = read_passages(settings)[: settings.toy_length.most]
    evidence.rows("lengths", pd.DataFrame({"characters": [len(each) for each in passages]}))
    evidence.measured(MODEL, {"passages": Estimate(*[len(passages)] * 3)})
    evidence.write("length", {"model": "none"})


if __name__ == "__main__":
    stage.main(__doc__, run)
