"""Running a model on a schedule, many schedules at once, and parts of a model."""

from strata.execution.calls import ExecutionError
from strata.execution.checked import scheduled, sweep, trace, traced
from strata.execution.partial import (
    HEAD_ROWS,
    Trace,
    TracedBatch,
    finished,
    logits_at,
    passage_nll,
    resume,
)

__all__ = [
    "HEAD_ROWS",
    "ExecutionError",
    "Trace",
    "TracedBatch",
    "finished",
    "logits_at",
    "passage_nll",
    "resume",
    "scheduled",
    "sweep",
    "trace",
    "traced",
]
