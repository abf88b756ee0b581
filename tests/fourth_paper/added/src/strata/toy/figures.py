"""Figures of the toy paper."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from strata.figures.shown import Shown


def toy_length(shown: Shown) -> Figure:
    """Passages by their length in characters."""
    figure, axis = plt.subplots()
    axis.hist(shown.table("toy/lengths")["characters"])
    return figure


FIGURES = (toy_length,)
