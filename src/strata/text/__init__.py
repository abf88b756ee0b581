"""Evaluation passages and their token batches."""

from strata.text.batches import TokenBatch, batches
from strata.text.passages import TextError, read_lines, read_passages

__all__ = ["TextError", "TokenBatch", "batches", "read_lines", "read_passages"]
