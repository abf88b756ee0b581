"""Paper B on one GPU within a time limit, most important things first: what `bundle/run.sh` runs.

Self-check, architecture, throughput, a sweep of the learning rate on Baseline 18L, all groups of
runs in their order, and the comparison. Each finished run is saved as it ends, and a second call
carries on. DVC is not needed.

    PYTHONPATH=src python bench/gpu_lws.py --minutes 25
"""

import argparse
import json
import lzma
import subprocess
import sys
import time
from pathlib import Path

import yaml

from strata import paths, records
from strata.command_line import one_line_errors
from strata.lws.params import LwsGroup
from strata.params import compose, read

RESERVE_SECONDS = 60.0  # everything has ended so long before --minutes
COMPARE_SECONDS = 60.0
GRACE_SECONDS = 15.0  # for a run that takes longer than the one before
CHECK_SECONDS = 60.0
THROUGHPUT_SECONDS = 90.0
THROUGHPUT_SHARE = 0.2  # of what is left, if that is less
SWEEP = "rate_"  # begins the names of the sweep's groups


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="large")
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--since", type=float, help="when they began, in seconds since 1970")
    options = parser.parse_args()
    gone = time.time() - options.since if options.since else 0.0
    end = time.monotonic() + max(0.0, 60 * options.minutes - gone - RESERVE_SECONDS)
    trained = end - COMPARE_SECONDS
    with one_line_errors():
        unpack(paths.ROOT / "data" / "tokens")
        file = parameters(options.profile)
    groups = read(file).lws_train.groups
    sweep = [group for group in groups if group.name.startswith(SWEEP)]
    others = [group for group in groups if group not in sweep]

    def run(script: str, latest: float, *more: str) -> None:
        stage(f"src/{script}.py", latest + GRACE_SECONDS, "--params", str(file), *more)

    stage("bench/self_check.py", min(trained, time.monotonic() + CHECK_SECONDS))
    run("20_lws_architecture", trained)
    run("01_corpus", trained)
    now = time.monotonic()
    measured = now + min(THROUGHPUT_SECONDS, THROUGHPUT_SHARE * (trained - now))
    run("23_lws_throughput", trained, "--minutes", left(measured))
    if sweep:
        run("21_lws_train", trained, "--minutes", left(trained), "--groups", *names(sweep))
        set_rate(file, options.profile, sweep)
    run("21_lws_train", trained, "--minutes", left(trained), "--groups", *names(others))
    run("22_lws_compare", end - GRACE_SECONDS)


def unpack(folder: Path) -> None:
    """The token files of a bundle, once."""
    for file in folder.glob("*/*.tokens.xz"):
        if not file.with_suffix("").is_file():
            records.write_bytes(file.with_suffix(""), lzma.decompress(file.read_bytes()))


def parameters(profile: str) -> Path:
    """A copy of the profile's parameter file, in which the rate can be set.

    Raises:
        ProfileError: no such profile.
    """
    settings = compose(profile)
    file = paths.ROOT / "data" / "runs" / f"{profile}-params.yaml"
    records.write_text(file, (paths.ROOT / settings.params).read_text(encoding="utf-8"))
    return file


def set_rate(file: Path, profile: str, sweep: list[LwsGroup]) -> None:
    """Put the rate of the lowest final validation loss in the place of the first group's rate, in
    every group that has it. Without a finished run of the sweep nothing changes."""
    folder = paths.results(profile) / "lws"
    losses = {}
    for group in sweep:
        for result in (folder / "runs").glob(f"{group.name}-*.json"):
            curve = json.loads(result.read_text(encoding="utf-8"))["validation_curve"]
            losses[group.learning_rate] = curve[-1][1]
    if not losses:
        return
    chosen = min(losses, key=losses.__getitem__)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    groups = content["lws_train"]["groups"]
    before = groups[0]["learning_rate"]
    for group in groups:
        if group["learning_rate"] == before and not group["name"].startswith(SWEEP):
            group["learning_rate"] = chosen
    records.write_text(file, yaml.safe_dump(content, sort_keys=False))
    print(f"gpu_lws.py: learning rate {chosen:g}", flush=True)


def stage(script: str, latest: float, *options: str) -> None:
    """Run a script, stopped at `latest`; a failure is shown, and what follows still runs."""
    print(f"== {script} {' '.join(options)}", flush=True)
    start = time.monotonic()
    try:
        command = [sys.executable, str(paths.ROOT / script), *options]
        failed = subprocess.run(command, timeout=max(0.0, latest - start)).returncode
    except subprocess.TimeoutExpired:
        failed = "out of time"
    print(f"gpu_lws.py: {script} took {time.monotonic() - start:.0f} s", flush=True)
    if failed:
        print(f"gpu_lws.py: {script} failed ({failed}); carrying on", flush=True)


def names(groups: list[LwsGroup]) -> list[str]:
    return [group.name for group in groups]


def left(end: float) -> str:
    """Minutes until `end`."""
    return f"{max(0.0, end - time.monotonic()) / 60:.2f}"


if __name__ == "__main__":
    main()
