"""What ablating each layer costs, as the stages behind it read it; and layers that must exist."""

from collections.abc import Collection

import pandas as pd

from strata.anatomy.subjects import NAMES
from strata.evidence import Evidence
from strata.params import ParamsError
from strata.results import ResultError, again, read_table


def importance(evidence: Evidence, depth: int) -> pd.DataFrame:
    """Change of perplexity in %, by the neighbours' average: a row a layer, a column a subject.

    Raises:
        ResultError: ablation.csv is damaged, or of a model of another depth.
    """
    file = evidence.folder / "ablation.csv"
    table = read_table(file, "layer", "change_percent", text=("subject", "reading"))
    rows = table[table["reading"] == "neighbour_average"]
    costs = rows.pivot_table("change_percent", "layer", "subject", aggfunc="sum")
    if len(rows) != len(NAMES) * depth or costs.shape != (depth, len(NAMES)):
        raise ResultError(
            f"{file}: expected {depth} layers of {', '.join(NAMES)}, found {len(costs)} of "
            f"{', '.join(costs)}; {again(file)}"
        )
    return costs


def existing(key: str, layers: Collection[int], depth: int) -> None:
    """Check that a model has layers.

    Raises:
        ParamsError: it does not; `key` is the parameter that names them.
    """
    wrong = [layer for layer in layers if layer >= depth]
    if wrong:
        raise ParamsError(f"{key}: {wrong} out of range, expected 0 to {depth - 1}")
