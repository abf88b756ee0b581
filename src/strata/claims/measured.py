"""Evidence files as the judge reads them."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError

from strata.claims.entries import LedgerError
from strata.records import Estimate
from strata.results import again, read_json

Measured = dict[str, Estimate]  # subject -> estimate


def _ordered(estimate: Estimate) -> Estimate:
    if not estimate.low <= estimate.value <= estimate.high:
        raise ValueError(f"expected low, value and high in order, found {tuple(estimate)}")
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
        LedgerError: a part missing, or an interval that is not one.
    """
    if not file.is_file():
        return None
    content = read_json(file)
    if not {"about", "measurements"} <= content.keys():
        raise LedgerError(f"{file}: expected keys about and measurements; {again(file)}")
    try:
        measurements = MEASUREMENTS.validate_python(content["measurements"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise LedgerError(f"{file}: {place}: {first['msg']}; {again(file)}") from error
    if not isinstance(content["about"], dict) or "model" not in content["about"]:
        raise LedgerError(f"{file}: expected `model` in about; {again(file)}")
    return EvidenceFile(content["about"], measurements)
