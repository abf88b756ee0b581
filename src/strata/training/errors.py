"""What can go wrong in training."""

from strata.errors import StrataError


class TrainingError(StrataError, RuntimeError):
    """A run cannot start or go on; what was saved before stays."""
