"""Evidence files as the judge reads them."""

import json
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError

from strata.claims.entries import LedgerError
from strata.records import Estimate

Measured = dict[str, Estimate]  # subject -> estimate


def _ordered(estimate: Estimate) -> Estimate:
    if estimate.low > estimate.high:
        raise ValueError(f"expected low at most high, found {tuple(estimate)}")
    return estimate


MEASUREMENTS = TypeAdapter(
    dict[str, dict[str, Annotated[Estimate, AfterValidator(_ordered)]]],
    config=ConfigDict(allow_inf_nan=False, strict=True),
)


class EvidenceFile(NamedTuple):
    """One file: what was measured, and under which conditions."""

    about: dict[str, Any]
    measurements: dict[str, Measured]


def read_evidence(file: Path) -> EvidenceFile | None:
    """An evidence file, checked; None where there is none.

    Raises:
        LedgerError: not JSON, a part missing, or an interval that is not one.
    """
    if not file.is_file():
        return None
    again = "run its stage again"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LedgerError(f"{file}: not valid JSON ({error}); {again}") from error
    if not isinstance(content, dict) or not {"about", "measurements"} <= content.keys():
        raise LedgerError(f"{file}: expected keys about and measurements; {again}")
    try:
        measurements = MEASUREMENTS.validate_python(content["measurements"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise LedgerError(f"{file}: {place}: {first['msg']}; {again}") from error
    if not isinstance(content["about"], dict) or "model" not in content["about"]:
        raise LedgerError(f"{file}: expected `model` in about; {again}")
    return EvidenceFile(content["about"], measurements)
