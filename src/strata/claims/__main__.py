"""Ask the judge: what would a model that has learned nothing have passed?

    python -m strata.claims --as random_initialisation
    python -m strata.claims --as shuffled_layers
    python -m strata.claims --simulate --profile study

`--as` judges the whole ledger with a null model in the model's place and prints each claim that
holds; of the claims about a trained model none may. `--simulate` estimates by simulation how often
each kind of interval in use covers the truth, and writes results/<profile>/coverage.json.
"""

from strata import paths
from strata.claims import LedgerError, load_ledger
from strata.claims.coverage import simulated
from strata.claims.speaking import Spoken, speaking
from strata.command_line import one_line_errors, parameters, parser
from strata.records import write_json

HELD = ("replicated", "holds on a stand-in")


def passed_by(subject: str) -> list[Spoken]:
    """The claims that a null model passes in the model's place, of those it was measured on.

    Raises:
        LedgerError: no claim names such a null model.
    """
    claims = load_ledger()
    known = sorted({name for claim in claims for name in claim.nulls})
    if subject not in known:
        raise LedgerError(f"--as {subject}: no such null model; expected one of {', '.join(known)}")
    return [each for each in speaking(claims, subject=subject) if _held(each)]


def _held(spoken: Spoken) -> bool:
    return spoken.verdict.outcome in HELD


def main() -> None:
    options = parser(__doc__)
    asked = options.add_mutually_exclusive_group(required=True)
    asked.add_argument("--as", dest="subject", metavar="NULL", help="the null model to judge")
    asked.add_argument("--simulate", action="store_true", help="how often intervals cover")
    chosen = options.parse_args()
    with one_line_errors():
        if chosen.simulate:
            profile = parameters(chosen).profile
            write_json(paths.results(profile) / "coverage.json", simulated(profile))
            return
        found = passed_by(chosen.subject)
        for each in found:
            print(f"{each.claim.id}: {each.verdict.outcome} ({each.profile})")
        print(f"{chosen.subject}: passes {len(found)} claims")


if __name__ == "__main__":
    main()
