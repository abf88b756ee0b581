"""Running a model on a schedule, many schedules at once, and parts of a model."""

from strata.execution.partial import Trace, passage_nll, resume, trace
from strata.execution.scheduled import ExecutionError, scheduled
from strata.execution.sweep import sweep

__all__ = ["ExecutionError", "Trace", "passage_nll", "resume", "scheduled", "sweep", "trace"]
