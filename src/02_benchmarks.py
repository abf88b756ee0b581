"""Read the benchmarks that params name, and record exactly what they are.

Figure or table  none; paper C's stages read their benchmarks as recorded here
Inputs           authored sets, local files in the hub's field names, or the hub at pinned commits
Outputs          results/<profile>/benchmarks/benchmarks.json
Cost             seconds; the hub's files the first time

    python src/02_benchmarks.py
"""

import sys

from strata import params, paths, records
from strata.tasks import BENCHMARKS, TaskError, describe, load_task


def main() -> None:
    settings = params.from_command_line(__doc__)
    section = settings.benchmarks
    names = [name for name in BENCHMARKS if name in {*section.tasks, "gsm8k"}]
    found = {name: describe(name, load_task(name, section), section) for name in names}
    file = paths.results(settings.profile) / "benchmarks" / "benchmarks.json"
    records.write_json(file, found)
    for name, facts in found.items():
        print(f"{name}: {facts['documents']:,} documents, {facts['source']}")


if __name__ == "__main__":
    try:
        main()
    except TaskError as error:
        sys.exit(f"02_benchmarks.py: {error}")
