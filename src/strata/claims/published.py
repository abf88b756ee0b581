"""Published values by the evidence they are judged on, for reference marks in figures."""

from strata.claims.ledger import Claim


def published_by_layer(claims: list[Claim], file: str, prefix: str) -> dict[int, float]:
    """Layer -> published value, of the checks whose evidence key is `<prefix><layer>`."""
    checks = [check for claim in claims for check in claim.checks]
    return {
        int(check.evidence.key.removeprefix(prefix)): check.value
        for check in checks
        if check.evidence.file == file and check.evidence.key.startswith(prefix)
    }


def published_value(claims: list[Claim], key: str) -> float:
    """The published value of the check judged on an evidence key.

    Raises:
        KeyError: no check names the key.
    """
    for check in (check for claim in claims for check in claim.checks):
        if check.evidence.key == key:
            return check.value
    raise KeyError(f"no check of the ledger is judged on {key!r}")


def published_by_name(claims: list[Claim], file: str, prefix: str) -> dict[str, float]:
    """Name -> published value, of the checks whose evidence key is `<prefix><name>`, the first
    claim's where several name it."""
    checks = [check for claim in claims for check in claim.checks]
    return {
        check.evidence.key.removeprefix(prefix): check.value
        for check in reversed(checks)
        if check.evidence.file == file and check.evidence.key.startswith(prefix)
    }
