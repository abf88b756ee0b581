"""Running a model on a schedule, many schedules at once, and parts of a model."""

from strata.execution.calls import ExecutionError
from strata.execution.checked import Sample, sample, scheduled, sweep, tolerance, trace, traced
from strata.execution.partial import (
    HEAD_ROWS,
    Trace,
    TracedBatch,
    finished,
    logits_at,
    passage_nll,
    resume,
)
from strata.execution.speed import Speed, seconds, speed

__all__ = [
    "HEAD_ROWS",
    "ExecutionError",
    "Sample",
    "Speed",
    "Trace",
    "TracedBatch",
    "finished",
    "logits_at",
    "passage_nll",
    "resume",
    "sample",
    "scheduled",
    "seconds",
    "speed",
    "sweep",
    "tolerance",
    "trace",
    "traced",
]
