"""One claim on one screen, and its evidence computed anew to compare with the committed one.

python -m strata.report.claim A-CORE          # make claim ID=A-CORE
python -m strata.report.claim A-DELTA --run   # make claim ID=A-DELTA RUN=1
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from strata import paths, pipeline
from strata.claims.entries import Check, LedgerError
from strata.claims.measured import read_evidence
from strata.claims.speaking import Spoken
from strata.claims.tables import because, command, measured, published, region, tried_on, verdict_of
from strata.command_line import one_line_errors
from strata.evidence import MODEL
from strata.records import SIGNIFICANT_DIGITS, Estimate
from strata.report.material import Material, read_material

COPIED = ("src", "profiles", "params.yaml", "dvc.yaml", "data/authored", "data/papers")
LINKED = ("data/local", "data/models", "data/runs", "data/tokens")
NOISE = 10.0 ** (1 - SIGNIFICANT_DIGITS)
"""A relative difference in the last digit but one that evidence keeps."""


def screen(spoken: Spoken, material: Material) -> str:
    """Everything that is known of a claim, as lines of text."""
    claim, verdict = spoken.claim, spoken.verdict
    lines = [
        f"{claim.id}  {claim.statement}",
        f"stated      {claim.source.where} [{claim.source.kind}]",
        f"verdict     {verdict_of(verdict)}: {because(spoken)}",
        f"tried on    {tried_on(spoken)}",
    ]
    for check, judged in zip(claim.checks, verdict.checks, strict=True):
        source = claim.source_of(check)
        lines += [
            "",
            f"{check.name}: {verdict_of(judged)}",
            f"  published   {published(check)} ({source.where} [{source.kind}])",
            f"  measure     {check.measure or 'as published'}",
            f"  agrees      {region(check)} ({check.tolerance.reason})",
            f"  ours        {measured(check, judged.model)}",
        ]
        lines += [f"  {name:<11} {measured(check, each)}" for name, each in judged.nulls.items()]
        lines += [f"  evidence    {check.evidence.file}#{check.evidence.key}"]
    return "\n".join([*lines, "", *_behind(spoken, material)])


def _behind(spoken: Spoken, material: Material) -> Iterator[str]:
    claim = spoken.claim
    yield f"rule        {claim.analysis.rule} (fixed in {claim.analysis.commit})"
    if claim.stage:
        script = pipeline.script(claim.stage)
        modules = [f"src/{each}" for each in pipeline.direct_modules(script)]
        yield f"computed by {', '.join([f'src/{script.name}', *modules])}"
    yield f"command     {command(claim.checks[0].evidence.file, spoken.profile)}"
    yield f"requires    {', '.join(claim.requires) or '-'}"
    if claim.note:
        yield f"note        {claim.note}"
    for each in material.corrections[claim.paper]:
        if claim.id in each.claims:
            yield f"corrected   {each.date}: {each.was}. Replaced by: {each.now}"


def anew(spoken: Spoken) -> Iterator[str]:
    """Run a claim's stage in a temporary folder; a line a check: same, agrees or differs.

    Raises:
        LedgerError: no stage measures the claim, its profile has no evidence, or the stage fails.
    """
    stage, profile = spoken.claim.stage, spoken.profile
    if stage is None or spoken.verdict.tried_on is None:
        raise LedgerError(f"{spoken.claim.id}: there is no committed evidence to compare with")
    with tempfile.TemporaryDirectory() as place:
        tree = _tree(Path(place), profile)
        script = tree / "src" / pipeline.script(stage).name
        run = subprocess.run(
            [sys.executable, str(script), "--profile", profile],
            cwd=tree,
            env=os.environ | {"PYTHONPATH": str(tree / "src")},
        )
        if run.returncode:
            raise LedgerError(f"{spoken.claim.id}: {script.name} ended with {run.returncode}")
        for check in spoken.claim.checks:
            yield _compared(check, paths.results(profile), tree / "results" / profile)


def _tree(place: Path, profile: str) -> Path:
    """A copy of what a stage reads, with the large data linked."""
    for name in (*COPIED, f"results/{profile}"):
        source, target = paths.ROOT / name, place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    for name in LINKED:
        (paths.ROOT / name).mkdir(parents=True, exist_ok=True)
        (place / name).symlink_to((paths.ROOT / name).resolve())
    return place


def _compared(check: Check, committed: Path, found: Path) -> str:
    before, after = (_estimate(check, folder) for folder in (committed, found))
    if before is None or after is None:
        return f"{check.name}: not measured"
    was, now = (measured(check, each._asdict()) for each in (before, after))
    shown = f"{was} committed, {now} anew"
    return f"{check.name}: {likeness(before, after)} ({shown})"


def _estimate(check: Check, folder: Path) -> Estimate | None:
    evidence = read_evidence(folder / check.evidence.file)
    measured = evidence.measurements.get(check.evidence.key, {}) if evidence else {}
    return measured.get(MODEL)


def likeness(committed: Estimate, found: Estimate) -> str:
    """`same`: to the last digit; `agrees`: the value lies in the committed interval, but for NOISE;
    `differs` otherwise."""
    if committed == found:
        return "same"
    slack = NOISE * max(abs(committed.value), abs(committed.high - committed.low))
    inside = committed.low - slack <= found.value <= committed.high + slack
    return "agrees" if inside else "differs"


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("id", help="a claim of the ledger, e.g. A-CORE")
    options.add_argument("--run", action="store_true", help="compute its evidence anew")
    chosen = options.parse_args()
    with one_line_errors():
        material = read_material()
        by_id = {each.claim.id: each for each in material.spoken}
        if chosen.id not in by_id:
            raise LedgerError(f"unknown claim {chosen.id!r}: expected one of {', '.join(by_id)}")
        print(screen(by_id[chosen.id], material), flush=True)
        for line in anew(by_id[chosen.id]) if chosen.run else ():
            print(line)


if __name__ == "__main__":
    main()
