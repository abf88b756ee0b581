"""Judge every published number of the ledger on the evidence of one profile.

Inputs    data/claims/*.yaml, the measurements below results/<profile>/
Outputs   results/<profile>/verdicts.json    every claim, its checks, intervals, nulls and verdict
          results/<profile>/verdicts.md      the same as a table, shown by `make repro`
          results/<profile>/metrics.json     counts and values for `dvc metrics`
Cost      a second

    python src/90_verdicts.py
"""

import sys

from strata import params, paths, records
from strata.claims import LedgerError, judge, load_ledger
from strata.claims.tables import check_table, counts, markdown, metrics, plain


def main() -> None:
    profile = params.from_command_line(__doc__).profile
    folder = paths.results(profile)
    claims = load_ledger(paths.CLAIMS)
    verdicts = judge(claims, folder, profile)
    tally = ", ".join(f"{count} {outcome}" for outcome, count in counts(verdicts).items() if count)
    table = markdown(check_table(claims, verdicts))
    records.write_json(folder / "verdicts.json", plain(verdicts))
    records.write_json(folder / "metrics.json", metrics(verdicts))
    records.write_text(
        folder / "verdicts.md", f"Profile {profile}, {len(verdicts)} claims: {tally}.\n\n{table}\n"
    )


if __name__ == "__main__":
    try:
        main()
    except LedgerError as error:
        sys.exit(f"90_verdicts.py: {error}")
