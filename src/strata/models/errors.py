"""What getting a model may raise."""

from strata.errors import StrataError


class ModelError(StrataError, RuntimeError):
    """A model cannot be had as asked."""
