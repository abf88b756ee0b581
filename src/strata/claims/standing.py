"""Whether committed evidence is up to date, and the verdicts it gives.

python -m strata.claims.standing --profile laptop            # one line: up to date or not
python -m strata.claims.standing --profile laptop --table    # the tally and every number
"""

import shutil
import subprocess

import yaml

from strata import paths, profiles
from strata.command_line import one_line_errors, parameters, parser
from strata.pipeline import stages


def standing(profile: str) -> str:
    """One line: is the evidence of a profile up to date, and what computes it anew?

    Only stages in the profile's `dvc.lock` have evidence: a profile may be measured in part.
    """
    pipeline = "dvc.yaml" if profile == profiles.base() else f"results/{profile}/dvc.yaml"
    command = f"make repro PROFILE={profile} FORCE=1"
    lock = (paths.ROOT / pipeline).with_suffix(".lock")
    if shutil.which("dvc") is None:
        return f"{profile}: dvc is not installed, so nothing is known; make setup installs it"
    if not lock.is_file():
        return f"{profile}: no evidence yet; it is computed now"
    measured = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    asked = subprocess.run(
        ["dvc", "status", *(f"{pipeline}:{stage}" for stage in measured)],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    )
    if asked.returncode:
        reason = (asked.stderr.strip().splitlines() or ["no reason given"])[0]
        return f"{profile}: dvc cannot tell what is up to date ({reason})"
    share = f"{len(measured)} of {len(stages())} stages"
    if "up to date" in asked.stdout:
        return f"{profile}: the evidence of {share} is up to date; `{command}` computes it anew"
    return f"{profile}: some evidence of {share} is not up to date and is computed now"


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--table", action="store_true", help="print the verdicts instead")
    chosen = options.parse_args()
    profile = parameters(chosen).profile
    with one_line_errors():
        if chosen.table:
            print((paths.results(profile) / "verdicts.md").read_text(encoding="utf-8"))
        else:
            print(standing(profile), flush=True)
