"""Benchmarks as tasks of lm-evaluation-harness, and GLUE."""

from strata.tasks.benchmarks import BENCHMARKS, Benchmark, TaskError, describe, load_task

__all__ = ["BENCHMARKS", "Benchmark", "TaskError", "describe", "load_task"]
