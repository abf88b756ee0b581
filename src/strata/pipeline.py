"""`dvc.yaml` as data: which stage writes a file, and which modules a script depends on."""

from functools import cache
from typing import Any

import yaml

from strata import paths


@cache
def stages() -> dict[str, dict[str, Any]]:
    """Stage -> its entry in dvc.yaml."""
    return yaml.safe_load(paths.PIPELINE.read_text(encoding="utf-8"))["stages"]


def stage_of(file: str) -> str | None:
    """The stage that writes a file below results/<profile>/, e.g. `anatomy/ablation.json`."""
    wanted = f"results/${{profile}}/{file}"
    for name, stage in stages().items():
        outputs = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
        if any(wanted in output for output in outputs):
            return name
    return None
