"""The ledger of published claims, and the verdict on each."""

from strata.claims.judging import Verdict, judge
from strata.claims.ledger import Claim, LedgerError, load_ledger

__all__ = ["Claim", "LedgerError", "Verdict", "judge", "load_ledger"]
