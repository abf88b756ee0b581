"""The published curves, as read off Figures 4 and 5."""

import pandas as pd

from strata import paths

CURVES = paths.PAPERS / "lws" / "curves.csv"


def curves() -> pd.DataFrame:
    """One row a variant and point: variant, positions_billion, perplexity (as published, zeros
    included), sd_half_width (where the figure has a band)."""
    return pd.read_csv(CURVES, comment="#")
