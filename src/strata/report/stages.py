"""The pipeline as readers see it: what each stage cost, computes, reads and needs."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from strata import paths, pipeline, profiles
from strata.claims.tables import markdown
from strata.report.material import Material
from strata.results import read_json


def cost_table(results: Path) -> pd.DataFrame:
    """One row a stage, one column a profile: minutes, peak memory of the process, machine."""
    names = list(profiles.ranks())
    rows = {
        stage: {name: cost(results / name, stage) for name in names} for stage in pipeline.stages()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table[[name for name in names if (table[name] != "-").any()]]
    return table.rename_axis("stage").reset_index()


def cost(folder: Path, stage: str) -> str:
    """Minutes, memory and machine of a stage's last run, from a profile's folder; or a dash."""
    file = folder / "provenance" / f"{stage}.json"
    if not file.is_file():
        return "-"
    run: dict[str, Any] = read_json(file)
    cores = f"{run['cores']} cores"
    place = run.get("gpu") or {"cpu": f"cpu, {cores}"}.get(run.get("device", ""), cores)
    return f"{run['seconds'] / 60:.1f} min, {run['peak_memory_gib']:.1f} GiB, {place}"


def costs(material: Material) -> str:
    """Minutes, peak memory and machine of every stage at every profile, in Markdown."""
    return markdown(cost_table(material.results)) + "\n"


def evidence(_: Material) -> str:
    """Which stage writes an evidence file, by which script, and which modules compute it."""
    rows = [
        {
            "file, below results/PROFILE/": ", ".join(f"`{file}`" for file in pipeline.files(name)),
            "stage": name,
            "script": f"[`{script.name}`](../src/{script.name})",
            "computed in": ", ".join(f"`{module}`" for module in pipeline.direct_modules(script)),
        }
        for name, script in ((name, pipeline.script(name)) for name in pipeline.stages())
    ]
    return markdown(pd.DataFrame(rows)) + "\n"


def graph(_: Material) -> str:
    """Which stage reads what another wrote, as a Mermaid graph; an arrow that a longer way repeats
    is left out."""
    edges = [
        f"  {source} --> {stage}"
        for stage in pipeline.stages()
        for source in sorted(_sources(stage) - set().union(*map(_behind, _sources(stage))))
    ]
    return "\n".join(["```mermaid", "graph LR", *edges, "```", ""])


def _reads(stage: str) -> list[str]:
    """What a stage reads below results/<profile>/."""
    deps = pipeline.stages()[stage]["deps"]
    return [dep.removeprefix(pipeline.PREFIX) for dep in deps if dep.startswith(pipeline.PREFIX)]


@cache
def _sources(stage: str) -> set[str]:
    """The stages whose files, or files in whose folders, a stage reads."""
    return {
        source
        for source in pipeline.stages()
        for file in pipeline.files(source)
        if any(f"{read}/".startswith(f"{file}/") for read in _reads(stage))
    }


def _behind(stage: str) -> set[str]:
    """All stages that a stage rests on."""
    return _sources(stage).union(*map(_behind, _sources(stage)))


class Input(NamedTuple):
    """A record of what stages read: its file below results/, where that comes from, its licence,
    and the sha256 of each part."""

    file: str
    source: str
    licence: str
    hashes: dict[str, str]


def inputs(profile: str) -> list[Input]:
    """A profile's records of inputs."""
    files = sorted((paths.results(profile) / "inputs").rglob("*.json"))
    return [_input(file.relative_to(paths.RESULTS).as_posix(), read_json(file)) for file in files]


def inputs_of(stage: str, profile: str) -> list[Input]:
    """Those that a stage reads, or a stage that it rests on."""
    read = {f"{profile}/{name}" for each in [stage, *_behind(stage)] for name in _reads(each)}
    return [each for each in inputs(profile) if any(_holds(name, each.file) for name in read)]


def _holds(place: str, file: str) -> bool:
    return f"{file}/".startswith(f"{place}/")


def _input(file: str, record: dict[str, Any]) -> Input:
    told = ("dataset",) if "dataset" in record else ("name", "package", "source", "folder")
    source = ", ".join(record[name] for name in told if name in record)
    return Input(file, source, record["licence"], dict(_hashes(record)))


def _hashes(record: dict[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    for key, each in record.items():
        if isinstance(each, dict):
            yield from _hashes(each, f"{place}{key}.")
        elif "sha256" in f"{place}{key}":
            yield f"{place}{key}", each
