"""What every stage cost, from the provenance that runs leave behind."""

from pathlib import Path
from typing import Any

import pandas as pd

from strata import pipeline, profiles
from strata.results import read_json


def cost_table(results: Path) -> pd.DataFrame:
    """One row a stage, one column a profile: minutes, peak memory of the process, machine."""
    names = list(profiles.ranks())
    rows = {
        stage: {name: _cost(results / name / "provenance" / f"{stage}.json") for name in names}
        for stage in pipeline.stages()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table[[name for name in names if (table[name] != "-").any()]]
    return table.rename_axis("stage").reset_index()


def _cost(file: Path) -> str:
    if not file.is_file():
        return "-"
    run: dict[str, Any] = read_json(file)
    cores = f"{run['cores']} cores"
    place = run.get("gpu") or {"cpu": f"cpu, {cores}"}.get(run.get("device", ""), cores)
    return f"{run['seconds'] / 60:.1f} min, {run['peak_memory_gib']:.1f} GiB, {place}"
