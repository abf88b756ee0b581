"""Paper B on one GPU within a time limit, most important things first; DVC is not needed.

Corpus, the first group of runs (both readers), throughput, the other groups in their order, and the
comparison. Each finished run is saved as it ends, and a second call carries on.

    PYTHONPATH=src python bench/gpu_lws.py --corpus FOLDER --minutes 25
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import yaml

from strata import paths, records
from strata.command_line import one_line_errors
from strata.params import compose, read

RESERVE_MINUTES = 2.0  # for ending a run under way and comparing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="study")
    parser.add_argument("--corpus", type=Path, help="folder of text, in place of the profile's")
    parser.add_argument("--minutes", type=float, default=25.0)
    options = parser.parse_args()
    end = time.monotonic() + 60 * (options.minutes - RESERVE_MINUTES)
    with one_line_errors():
        file = parameters(options.profile, options.corpus)
    groups = read(file).lws_train.groups
    stage("20_lws_architecture", file)
    stage("01_corpus", file)
    stage("21_lws_train", file, "--minutes", left(end), "--groups", groups[0].name)
    if time.monotonic() < end:
        stage("23_lws_throughput", file)
    stage("21_lws_train", file, "--minutes", left(end))
    stage("22_lws_compare", file)


def parameters(profile: str, corpus: Path | None) -> Path:
    """The profile's parameter file, with the corpus folder put in.

    Raises:
        ProfileError: no such profile.
    """
    settings = compose(profile)
    file = paths.ROOT / settings.params
    if corpus is not None:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        content["corpus"] |= {"source": "local", "local": str(corpus)}
        file = paths.ROOT / "data" / "runs" / f"{profile}-params.yaml"
        records.write_text(file, yaml.safe_dump(content, sort_keys=False))
    return file


def stage(script: str, file: Path, *options: str) -> None:
    """Run one numbered script; a failure is shown, and what follows still runs."""
    command = [sys.executable, str(paths.ROOT / "src" / f"{script}.py"), "--params", str(file)]
    print(f"== {script} {' '.join(options)}", flush=True)
    if subprocess.run([*command, *options]).returncode:
        print(f"gpu_lws.py: {script} failed; carrying on", flush=True)


def left(end: float) -> str:
    return f"{max(0.0, end - time.monotonic()) / 60:.2f}"


if __name__ == "__main__":
    main()
