"""Evidence files as the judge reads them."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, ConfigDict, TypeAdapter

from strata.records import Estimate
from strata.results import read_as


def _ordered(estimate: Estimate) -> Estimate:
    if not estimate.low <= estimate.value <= estimate.high:
        raise ValueError(f"expected low, value and high in order, found {tuple(estimate)}")
    return estimate


def _names_a_model(about: dict[str, Any]) -> dict[str, Any]:
    if not (isinstance(about.get("model"), str) and about["model"].strip()):
        raise ValueError(f"expected the name of a `model`, found {about.get('model')!r}")
    return about


Measured = dict[str, Annotated[Estimate, AfterValidator(_ordered)]]  # subject -> estimate


class EvidenceFile(NamedTuple):
    """One file: what was measured, and under which conditions."""

    about: Annotated[dict[str, Any], AfterValidator(_names_a_model)]
    measurements: dict[str, Measured]


EVIDENCE = TypeAdapter(EvidenceFile, config=ConfigDict(allow_inf_nan=False, strict=True))


def read_evidence(file: Path) -> EvidenceFile | None:
    """An evidence file, checked; None where there is none.

    Raises:
        ResultError: a part missing, or an interval that is not one.
    """
    return read_as(file, EVIDENCE) if file.is_file() else None
