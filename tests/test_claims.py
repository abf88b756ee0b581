"""What is judged is the committed evidence, and tables show it."""

import json

import pytest
from toy_ledger import FAR, NULLS, at, at_least, bare, check, entry, evidence, ledger

from strata import paths
from strata.claims import LedgerError, judge, load_ledger
from strata.claims.__main__ import passed_by
from strata.claims.coverage import simulated
from strata.claims.numbers import interval
from strata.claims.speaking import Spoken
from strata.claims.tables import (
    check_table,
    counts,
    markdown,
    measured,
    plain,
    published,
    read_verdicts,
    tally_table,
)
from strata.records import Estimate, rounded, write_json
from strata.report.claim import anew, likeness, screen
from strata.report.material import read_material
from strata.results import ResultError


def test_evidence_without_the_key_names_claim_and_key(tmp_path):
    evidence(tmp_path, model=(1, 2))
    claim = entry(checks=[check(evidence=at("z"))])
    with pytest.raises(LedgerError, match=r"claim A-X, check number: evidence.key 'z' is not in"):
        judge(ledger(tmp_path / "claims", claim), tmp_path, "laptop")


def test_damaged_evidence_is_named(tmp_path):
    evidence(tmp_path, model=(1, 2))
    (tmp_path / "anatomy" / "ablation.json").write_text("{")
    with pytest.raises(ResultError, match=r"not readable JSON .*run stage anatomy_ablation again"):
        judge(ledger(tmp_path / "claims", entry()), tmp_path, "laptop")


@pytest.mark.parametrize(
    ("claim", "place", "key", "number", "before", "after"),
    [
        ("A-CORE", 1, "inner_peak_layer", 12, "open", "fails on a stand-in"),
        ("A-CORE", 4, "change_L11", 63419, "fails on a stand-in", "holds on a stand-in"),
    ],
)
def test_changing_one_layers_number_in_the_real_evidence_flips_a_verdict(
    tmp_path, claim, place, key, number, before, after
):
    claims = [each for each in load_ledger() if each.id == claim]
    real = paths.results("laptop") / "anatomy" / "ablation.json"
    content = json.loads(real.read_text())
    copy = tmp_path / "anatomy" / real.name
    copy.parent.mkdir()
    copy.write_text(json.dumps(content))
    assert judge(claims, tmp_path, "laptop")[0].checks[place].outcome == before
    point = {"value": number, "low": number, "high": number}
    content["measurements"][f"neighbour_average.{key}"]["model"] = point
    copy.write_text(json.dumps(content))
    assert judge(claims, tmp_path, "laptop")[0].checks[place].outcome == after


@pytest.mark.parametrize("null", NULLS)
def test_a_null_model_passes_no_claim_about_a_trained_one(null):
    assert [each.claim.id for each in passed_by(null)] == []


def test_a_null_with_the_models_numbers_would_pass(tmp_path):
    claims = ledger(tmp_path / "claims", entry(nulls=["shuffled_layers"]))
    evidence(tmp_path, shuffled_layers=(9.5, 10.5))
    (found,) = judge(claims, tmp_path, "laptop", subject="shuffled_layers")
    assert found.outcome == "replicated"


@pytest.mark.parametrize(
    ("estimate", "shown"),
    [
        (None, "-"),
        ((1452, 1342, 1573), "1,450 [1,340, 1,570]"),
        ((-0.50091, -0.51171, -0.49281), "−0.501 [−0.512, −0.493]"),
        ((0.001654, 0.0006342, 0.002999), "0.0017 [0.0006, 0.0030]"),
        ((-0.00004, -0.01, 0.02), "0.000 [−0.010, 0.020]"),
        ((181107456, 181107456, 181107456), "181,107,456"),
        ((0.5, 0.5, 0.5), "0.5"),
    ],
)
def test_numbers_have_the_digits_that_their_interval_allows(estimate, shown):
    named = estimate and dict(zip(("value", "low", "high"), estimate, strict=True))
    assert interval(named) == shown


def test_a_change_has_its_sign_and_a_percentage_its_unit(tmp_path):
    below = {"side": "below", "reason": "because"}
    change = check(name="c", unit="% perplexity", kind="sign", published=-0.6, tolerance=below)
    (claim,) = ledger(tmp_path, entry(checks=[check(), change]))
    plain, change = claim.checks
    found = {"value": 1452.3, "low": 1342, "high": 1573}
    assert measured(change, found) == "+1,450% [+1,340, +1,570]"
    assert measured(plain, found) == "1,450 [1,340, 1,570]"
    assert measured(change, {"value": -0.002, "low": -0.01, "high": 0.02}).startswith("−0.002% [−")
    assert (published(change), published(plain)) == ("−0.6% perplexity", "10 units")


def test_tables_show_what_was_judged(tmp_path):
    claims = ledger(tmp_path / "claims", entry(statement="a | b"))
    evidence(tmp_path, model=(9.5, 10.5), **FAR)
    verdicts = judge(claims, tmp_path, "laptop")
    spoken = [Spoken(claims[0], "laptop", verdicts[0])]
    row = check_table(spoken).iloc[0]
    assert (row["ours"], row["verdict"]) == ("10.0 [9.5, 10.5]", "replicated")
    assert (row["published"], row["agrees"], row["where"]) == (
        "10 units",
        "9 to 11",
        "abstract [abs]",
    )
    assert "shuffled layers 55 [50, 60]" in row["nulls"]
    assert counts(verdicts)["replicated"] == 1 and sum(counts(verdicts).values()) == 1
    assert tally_table(spoken).iloc[0].to_dict() == {
        "claims": "stated by the authors", "protocol": "as published", "replicated": 1, "all": 1,
    }  # fmt: skip
    assert "a \\| b" in markdown(check_table(spoken).assign(x="a | b"))
    write_json(tmp_path / "verdicts.json", plain(verdicts))
    (found,) = read_verdicts(tmp_path / "verdicts.json").values()
    assert found._replace(checks=[]) == verdicts[0]._replace(checks=[])
    assert found.checks[0].model == verdicts[0].checks[0].model


def test_a_claim_without_a_number_shows_its_words(tmp_path):
    claims = ledger(tmp_path / "claims", bare(checks=[at_least(0.5)]))
    evidence(tmp_path, model=(0.6, 0.7))
    row = check_table([Spoken(claims[0], "laptop", judge(claims, tmp_path, "laptop")[0])]).iloc[0]
    assert (row["published"], row["agrees"]) == ("much", "0.5 or more")


def test_a_claim_fits_one_screen_with_all_that_is_behind_it():
    material = read_material()
    for each in material.spoken:
        shown = screen(each, material)
        assert shown.startswith(f"{each.claim.id}  {each.claim.statement}")
        for one in each.claim.checks:
            assert f"{one.evidence.file}#{one.evidence.key}" in shown
        assert all(name in shown for name in each.claim.requires)
    assert "+19%" in screen(next(s for s in material.spoken if s.claim.id == "A-SCALE"), material)


def test_evidence_computed_anew_is_compared_with_the_committed_one():
    (spoken,) = (each for each in read_material().spoken if each.claim.id == "B-FIG3")
    lines = list(anew(spoken))
    assert len(lines) == 2 and all(": same (" in line for line in lines)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (Estimate(1, 0.5, 2), "same"),
        (Estimate(1.9, 1, 3), "agrees"),
        (Estimate(2 + 1e-7, 1, 3), "agrees"),
        (Estimate(2.1, 1, 3), "differs"),
        (Estimate(0.4, 0, 1), "differs"),
    ],
)
def test_a_number_computed_anew_is_the_same_agrees_or_differs(found, word):
    assert likeness(Estimate(1, 0.5, 2), found) == word


def test_every_kind_of_interval_covers():
    found = rounded(simulated("laptop"))
    assert found == json.loads((paths.results("laptop") / "coverage.json").read_text())
    assert all(each["coverage"] >= 0.93 for each in found.values())
