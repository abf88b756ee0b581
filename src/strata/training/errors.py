"""What can go wrong in training."""


class TrainingError(RuntimeError):
    """A run cannot start or go on; what was saved before stays."""
