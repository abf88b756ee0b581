"""The ledger is complete and strict."""

import pytest
from toy_ledger import RANGE, at_least, check, entry, ledger

from strata import paths
from strata.claims import LedgerError, load_ledger
from strata.claims.speaking import speaking
from strata.report.texts import Correction, Covered, load_texts

ANATOMY = {
    *("A-R2", "A-DELTA", "A-PRED1", "A-PRED9", "A-BASE", "A-CORE", "A-ANTI", "A-RANGE"),
    *("A-REC", "A-SCALE", "A-COST", "A-GROW", "A-FAST", "A-HALF", "A-LOSS"),
    *("A-PERTURB", "A-OWN-RANGE", "A-OTHERS"),
}


def test_every_published_claim_of_paper_a_is_in_the_ledger():
    ids = [claim.id for claim in load_ledger() if claim.paper == "A"]
    assert len(ids) == len(ANATOMY) and set(ids) == ANATOMY


def test_a_null_that_cannot_fail_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="a null model has nothing to lose"):
        ledger(tmp_path, entry(checks=[at_least(0.5, keeps=True)]))
    with pytest.raises(LedgerError, match="no_null: expected a reason"):
        ledger(tmp_path, entry(nulls=[]))


def test_no_null_of_the_ledger_is_the_model_by_construction():
    for each in speaking(load_ledger()):
        for null in each.claim.nulls:
            both = [(found.model, found.nulls.get(null)) for found in each.verdict.checks]
            tried = [(ours, other) for ours, other in both if ours and other]
            assert not tried or any(ours != other for ours, other in tried), each.claim.id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": {"kind": "rumour"}}, r"claim A-X: source\.kind"),
        ({"verdict": "replicated"}, "claim A-X: verdict: Extra inputs"),
        ({"checks": []}, "claim A-X: checks"),
        ({"checks": [check(published="ten")]}, r"claim A-X: checks\.0\.published"),
        ({"checks": [check(published=float("nan"))]}, r"checks\.0\.published"),
        ({"checks": [check(published=None)]}, "null and what the paper says"),
        ({"checks": [check(published=None, says="x")]}, "a exact needs a published number"),
        ({"statement": " "}, "claim A-X: statement"),
        ({"protocol": "no"}, "claim A-X: protocol 'no': expected one of toy"),
        ({"able": "no"}, "claim A-X: able 'no': expected one of can"),
        ({"checks": [check(able="no")]}, "claim A-X: able 'no': expected one of can"),
        ({"checks": [check(measure="ours")]}, "expected one by the paper's measure, found only"),
        ({"comparable": ["text"]}, "claim A-X: comparable 'text': expected one of model"),
        ({"requires": ["A-Y"]}, "claim A-X: requires 'A-Y'"),
        ({"requires": ["A-X"]}, "claim A-X: requires: expected no circle"),
        ({"checks": [check(evidence={"file": "../b.json", "key": "k"})]}, r"evidence\.file"),
        (
            {"checks": [check(**RANGE) | {"tolerance": {"low": 2, "high": 1, "reason": "r"}}]},
            "expected low at most high, found 2.0 and 1.0",
        ),
        ({"checks": [check(tolerance={"absolute": 1})]}, r"checks\.0\.tolerance\.reason"),
        ({"checks": [check(kind="ratio")]}, r"kind ratio needs \['factor'\], found \['absolute'\]"),
        (
            {
                "checks": [
                    check(kind="sign", published=-1, tolerance={"side": "above", "reason": "r"})
                ]
            },
            "published -1.0 is not above 0",
        ),
    ],
)
def test_bad_entry_names_the_claim_and_the_field(tmp_path, changes, message):
    with pytest.raises(LedgerError, match=message):
        ledger(tmp_path, entry(**changes))


def test_bad_files_are_named(tmp_path):
    with pytest.raises(LedgerError, match="found none"):
        load_ledger(tmp_path)
    with pytest.raises(LedgerError, match="expected each id once, found A-X again"):
        ledger(tmp_path, entry(), entry())
    with pytest.raises(LedgerError, match="claim B-X: expected an id that begins with A-"):
        ledger(tmp_path, entry(id="B-X"))
    with pytest.raises(
        LedgerError, match="profile 'huge': expected one of laptop, large, paper, smoke"
    ):
        ledger(tmp_path, entry(profile="huge"))
    (tmp_path / "toy" / "claims.yaml").write_text("a: [")
    with pytest.raises(LedgerError, match=r"claims\.yaml: not valid YAML"):
        load_ledger(tmp_path)


def test_corrections_and_coverage_name_claims_that_exist():
    known = {claim.id: () for claim in load_ledger()}
    for room in ("anatomy", "lws", "painters"):
        assert load_texts(Correction, paths.PAPERS / room, known)
        covered = load_texts(Covered, paths.PAPERS / room, known)
        assert len({each.item for each in covered}) == len(covered) > 7
