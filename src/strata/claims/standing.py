"""Whether committed evidence is up to date, and the verdicts it gives.

python -m strata.claims.standing --profile laptop            # one line: up to date or not
python -m strata.claims.standing --profile laptop --table    # the tally and every number
"""

import shutil
import subprocess

from strata import paths, profiles
from strata.command_line import one_line_errors, parameters, parser


def standing(profile: str) -> str:
    """One line: is the evidence of a profile up to date, and what computes it anew?"""
    pipeline = "dvc.yaml" if profile == profiles.base() else f"results/{profile}/dvc.yaml"
    command = f"make repro PROFILE={profile} FORCE=1"
    if shutil.which("dvc") is None:
        return f"{profile}: dvc is not installed, so nothing is known; make setup installs it"
    asked = subprocess.run(
        ["dvc", "status", pipeline], cwd=paths.ROOT, capture_output=True, text=True
    )
    if asked.returncode:
        reason = (asked.stderr.strip().splitlines() or ["no reason given"])[0]
        return f"{profile}: dvc cannot tell what is up to date ({reason})"
    if "up to date" in asked.stdout:
        return f"{profile}: the committed evidence is up to date; `{command}` computes it anew"
    return f"{profile}: some evidence is not up to date and is computed now"


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
