"""Benchmarks as tasks of lm-evaluation-harness, and GLUE."""

from strata.tasks.benchmarks import BENCHMARKS, Benchmark, describe, guess, load_task
from strata.tasks.rows import TaskError

__all__ = ["BENCHMARKS", "Benchmark", "TaskError", "describe", "guess", "load_task"]
