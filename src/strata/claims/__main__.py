"""Ask the judge: what would a model that has learned nothing have passed?

    python -m strata.claims --as random_initialisation
    python -m strata.claims --as shuffled_layers

The whole ledger is judged with a null model in the model's place, and each claim that holds is
printed; of the claims about a trained model none may.
"""

import argparse

from strata.claims import LedgerError, load_ledger
from strata.claims.speaking import Spoken, speaking
from strata.command_line import one_line_errors

HELD = ("replicated", "holds on a stand-in")


def passed_by(subject: str) -> list[Spoken]:
    """The claims that a null model passes in the model's place, of those it was measured on."""
    return [each for each in speaking(load_ledger(), subject=subject) if _held(each)]


def _held(spoken: Spoken) -> bool:
    return spoken.verdict.outcome in HELD


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--as", dest="subject", metavar="NULL", required=True)
    chosen = options.parse_args()
    with one_line_errors():
        known = sorted({name for claim in load_ledger() for name in claim.nulls})
        if chosen.subject not in known:
            raise LedgerError(
                f"--as {chosen.subject}: no such null model; expected one of {', '.join(known)}"
            )
        found = passed_by(chosen.subject)
        for each in found:
            print(f"{each.claim.id}: {each.verdict.outcome} ({each.profile})")
        print(f"{chosen.subject}: passes {len(found)} claims")


if __name__ == "__main__":
    main()
