"""The ledger of published claims, and the verdict on each."""

from strata.claims.entries import Claim, LedgerError
from strata.claims.judging import Verdict, judge
from strata.claims.ledger import load_ledger

__all__ = ["Claim", "LedgerError", "Verdict", "judge", "load_ledger"]
