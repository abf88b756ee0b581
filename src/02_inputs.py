"""Record what every text, benchmark and GLUE task of a profile is, by a hash of its documents.

Figure or table  none; stages depend on the records of what they read
Inputs           authored text, the hub at pinned commits, or local copies in the hub's field names
Outputs          results/<profile>/inputs/{texts,benchmarks,glue}/<name>.json
Cost             seconds; the hub's files the first time

A hub copy and a local copy of the same documents give the same record.
"""

from collections.abc import Iterator
from typing import Any

from strata import paths, records, stage
from strata.params import Params, Section
from strata.params.benchmarks import BenchmarkParams, GlueSource
from strata.params.sources import TextParams
from strata.tasks import benchmarks, glue
from strata.text import passages

GENERATED = "gsm8k"  # always recorded: the one task that generates


def run(settings: Params) -> None:
    folder = paths.results(settings.profile) / "inputs"
    for kind, name, record in recorded(settings):
        records.write_json(folder / kind / f"{name}.json", record)
        print(f"{kind}/{name}: {record['documents']:,} documents, {record['dataset']}")


def recorded(settings: Params) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, name and record of every input that a section of the parameters names."""
    local = settings.local
    for key, section in sections(settings):
        match section:
            case TextParams():
                yield "texts", key, passages.record(section, key, local)
            case BenchmarkParams():
                for name in dict.fromkeys([*section.tasks, GENERATED]):
                    yield "benchmarks", name, benchmarks.record(name, section, local)
            case GlueSource():
                for name in section.tasks:
                    yield "glue", name, glue.record(name, section, local)


def sections(parent: Section, prefix: str = "") -> Iterator[tuple[str, Section]]:
    """Every section below one, with its dotted key."""
    for key, value in parent:
        if isinstance(value, Section):
            yield prefix + key, value
            yield from sections(value, f"{prefix}{key}.")


if __name__ == "__main__":
    stage.main(__doc__, run)
