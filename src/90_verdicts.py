"""Judge every published number of the ledger on the evidence of one profile.

Inputs    data/papers/*/claims.yaml, the measurements below results/<profile>/
Outputs   results/<profile>/verdicts.json    every claim, its checks, intervals, nulls and verdict
          results/<profile>/verdicts.md      the same as a table, shown by `make repro`
          results/<profile>/metrics.json     counts for `dvc metrics`
Cost      a second
"""

from strata import paths, records, stage
from strata.claims import judge, load_ledger
from strata.claims.speaking import Spoken
from strata.claims.tables import check_table, counts, markdown, metrics, plain
from strata.params import Params

SHOWN = ["claim", "check", "published", "agrees", "ours", "nulls", "verdict", "model"]


def run(settings: Params) -> None:
    profile = settings.profile
    folder = paths.results(profile)
    claims = load_ledger()
    verdicts = judge(claims, folder, profile)
    spoken = [Spoken(claim, profile, each) for claim, each in zip(claims, verdicts, strict=True)]
    tally = ", ".join(f"{count} {outcome}" for outcome, count in counts(verdicts).items() if count)
    table = markdown(check_table(spoken)[SHOWN])
    records.write_json(folder / "verdicts.json", plain(verdicts))
    records.write_json(folder / "metrics.json", metrics(verdicts))
    records.write_text(
        folder / "verdicts.md", f"Profile {profile}, {len(verdicts)} claims: {tally}.\n\n{table}\n"
    )


if __name__ == "__main__":
    stage.main(__doc__, run)
