"""Verdicts follow from intervals, protocols and null models alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from toy_ledger import (
    FAR,
    RANGE,
    above_zero,
    at,
    at_least,
    bare,
    check,
    entry,
    ledger,
    measured,
    outcome,
    verdict,
    write,
)

from strata.claims import LedgerError, family, judge
from strata.claims.entries import Check
from strata.claims.judging import worded
from strata.claims.nulls import claimed_direction
from strata.claims.power import times_the_data
from strata.claims.rules import AGAINST, Ruling, combine
from strata.claims.speaking import speaking
from strata.records import Estimate
from strata.statistics import difference


@pytest.mark.parametrize(
    ("model", "nulls", "expected"),
    [
        ((9.5, 10.5), FAR, "replicated"),
        ((9, 11), FAR, "replicated"),
        ((8.5, 10.5), FAR, "open"),
        ((1, 30), FAR, "open"),
        ((11.5, 12), FAR, "not replicated"),
        ((9.5, 10.5), FAR | {"shuffled_layers": (9.9, 10)}, "not specific"),
        ((9.5, 10.5), FAR | {"shuffled_layers": (8, 12)}, "open"),
        ((9.5, 10.5), {"shuffled_layers": (50, 60)}, "open"),
        ((11.5, 12), FAR | {"as_published": (9.5, 10)}, "artefact"),
    ],
)
def test_verdict_follows_from_the_intervals(tmp_path, model, nulls, expected):
    assert outcome(tmp_path, entry(), model=model, **nulls) == expected


@pytest.mark.parametrize(
    ("changes", "inside", "outside"),
    [
        ({"kind": "ratio", "tolerance": {"factor": 2, "reason": "r"}}, (5, 20), (21, 30)),
        (
            {"kind": "ratio", "published": -10, "tolerance": {"factor": 2, "reason": "r"}},
            (-20, -5),
            (-30, -21),
        ),
        ({"kind": "sign", "tolerance": {"side": "above", "reason": "r"}}, (0.001, 900), (-2, 0)),
        (
            {"kind": "sign", "published": -1, "tolerance": {"side": "below", "reason": "r"}},
            (-9, -0.001),
            (0, 0),
        ),
        ({"kind": "order", "tolerance": {"low": 3, "high": 3, "reason": "r"}}, (3, 3), (4, 4)),
        (
            {"kind": "range", "tolerance": {"low": 5, "high": float("inf"), "reason": "r"}},
            (5, 1e9),
            (0, 4),
        ),
    ],
)
def test_each_kind_has_its_region(tmp_path, changes, inside, outside):
    claim = bare(checks=[check(**changes)])
    assert outcome(tmp_path, claim, model=inside) == "replicated"
    assert outcome(tmp_path, claim, model=outside) == "not replicated"


@pytest.mark.parametrize(
    ("null", "expected", "why"),
    [
        ((-1, 1), "replicated", []),  # refuted or not, the model lies beyond it
        ((1, 2), "replicated", []),  # agrees too, but the model lies beyond it
        ((4, 6), "not specific", []),
        ((-1, 11), "open", ["the null is undecided"]),
    ],
)
def test_a_null_is_three_valued(tmp_path, null, expected, why):
    claim = entry(nulls=["shuffled_layers"], checks=[above_zero()])
    found = verdict(tmp_path, claim, model=(4, 6), shuffled_layers=null)
    assert (found.outcome, found.open) == (expected, why)


def test_a_paired_difference_is_used_where_the_evidence_has_it(tmp_path):
    claim = entry(nulls=["shuffled_layers"], checks=[above_zero()])
    nulls = {"shuffled_layers": (1, 6)}
    assert outcome(tmp_path, claim, model=(4, 6), **nulls) == "not specific"
    nulls["model_minus_shuffled_layers"] = (1, 2)
    assert outcome(tmp_path, claim, model=(4, 6), **nulls) == "replicated"


def test_a_difference_too_small_to_matter_is_not_specific(tmp_path):
    tolerance = {"side": "above", "reason": "r", "difference": 3}
    claim = entry(nulls=["shuffled_layers"], checks=[above_zero() | {"tolerance": tolerance}])
    assert outcome(tmp_path, claim, model=(1, 2), shuffled_layers=(-0.5, 2)) == "not specific"


@given(st.tuples(*[st.floats(-9, 9)] * 3), st.tuples(*[st.floats(-9, 9)] * 3))
def test_a_difference_of_intervals_holds_its_value_and_turns_with_its_sides(one, other):
    one, other = (Estimate(*(sorted(each)[place] for place in (1, 0, 2))) for each in (one, other))
    found, turned = difference(one, other), difference(other, one)
    assert found.low <= found.value <= found.high
    assert found.low == pytest.approx(-turned.high) and found.high == pytest.approx(-turned.low)
    width = (one.high - one.low) + (other.high - other.low)
    assert found.high - found.low <= width + 1e-9


@pytest.mark.parametrize(
    ("region", "null", "direction"),
    [
        ((0, float("inf")), -1, 1),
        ((0, float("inf")), 1, 1),
        ((-float("inf"), 0), 1, -1),
        ((-float("inf"), 0), -1, -1),
        ((1, 2), 0, 1),
        ((1, 2), 3, -1),
        ((1, 2), 1.5, 0),
    ],
)
def test_the_claimed_direction_is_seen_from_the_null(region, null, direction):
    assert claimed_direction(region, null) == direction


def test_a_model_that_cannot_do_the_task_cannot_lose_it(tmp_path):
    claim = bare(able="can", checks=[at_least(0.5)])
    assert outcome(tmp_path, claim, model=(0.6, 0.9), able=(0.1, 0.4)) == "replicated"
    found = verdict(tmp_path, claim, model=(0.6, 0.9), able=(-0.1, 0.2))
    assert (found.outcome, found.open) == ("open", ["cannot be decided this way"])
    assert outcome(tmp_path, claim, model=(0.6, 0.9)) == "open"


def test_the_word_replicated_is_kept_for_the_published_protocol(tmp_path):
    claim = bare()
    assert outcome(tmp_path, claim, model=(9.5, 10.5)) == "replicated"
    other = {"model": "another toy"}
    found = verdict(tmp_path, claim, about=other, model=(9.5, 10.5))
    assert (found.outcome, found.protocol) == ("holds on a stand-in", "stand-in")
    assert found.differences == {"model": "another toy, not toy"}
    assert outcome(tmp_path, claim, about=other, model=(1, 2)) == "fails on a stand-in"


@pytest.mark.parametrize(
    ("ours", "expected"), [((0.6, 0.9), "holds on a stand-in"), ((0.1, 0.2), "fails on a stand-in")]
)
@pytest.mark.parametrize(
    ("theirs", "decided"), [((9.5, 10.5), "replicated"), ((1, 2), "not replicated")]
)
def test_a_check_by_our_own_measure_stands_beside_the_verdict(
    tmp_path, ours, expected, theirs, decided
):
    beside = at_least(0.5, name="m", evidence=at("m"), measure="ours", able="can")
    (claim,) = ledger(tmp_path / "claims", bare(checks=[check(), beside]))
    keys = {"k": measured(model=theirs), "m": measured(model=ours)}
    write(tmp_path, **keys, able=measured(model=(0.1, 0.4)))
    (found,) = judge([claim], tmp_path, "laptop")
    assert (found.outcome, found.protocol) == (decided, "as published")
    assert found.parts == {decided: 1}
    assert [each.outcome for each in found.checks] == [decided, expected]
    write(tmp_path, **keys, able=measured(model=(-0.1, 0.4)))
    (found,) = judge([claim], tmp_path, "laptop")
    assert (found.open, [each.outcome for each in found.checks]) == ([], [decided, "open"])


def test_a_level_on_another_model_is_not_comparable(tmp_path):
    claim = bare(comparable=["model"])
    found = verdict(tmp_path, claim, about={"model": "another"}, model=(9.5, 10.5))
    assert (found.outcome, found.open) == ("open", ["not comparable"])


def test_one_seed_decides_nothing(tmp_path):
    claim = bare(repeats={"at": "seeds", "least": 2})
    assert (
        outcome(tmp_path, claim, about={"seeds": {"a": 2, "b": 3}}, model=(9, 11)) == "replicated"
    )
    found = verdict(tmp_path, claim, about={"seeds": {"a": 1, "b": 3}}, model=(9, 11))
    assert (found.outcome, found.open) == ("open", ["more data would decide"])
    named = claim["checks"][0]["evidence"]["key"].rpartition(".")[2]
    seeds = {named: 2, "b": 1}
    assert outcome(tmp_path, claim, about={"seeds": seeds}, model=(9, 11)) == "replicated"
    assert "does not record 2 seeds" in verdict(tmp_path, claim, model=(9, 11)).because


def test_a_value_at_the_budget_is_never_evidence_for_it(tmp_path):
    claim = bare(checks=[at_least(100, budget="budget")])
    about = {"budget": 200}
    assert outcome(tmp_path, claim, about=about, model=(110, 150)) == "replicated"
    found = verdict(tmp_path, claim, about=about, model=(151, 200))
    assert (found.outcome, found.open) == ("open", ["cannot be decided this way"])
    ends = {"low": 100, "high": 200, "reason": "r"}
    claim = bare(checks=[check(**RANGE, budget="budget") | {"tolerance": ends}])
    with pytest.raises(LedgerError, match="a region may not end at the budget, 200"):
        verdict(tmp_path, claim, about=about, model=(151, 200))


def test_what_no_data_decide_says_so(tmp_path):
    claim = bare(checks=[check(undecidable="five runs are too few")])
    found = verdict(tmp_path, claim, model=(5, 15))
    assert (found.open, found.because) == (["cannot be decided this way"], "five runs are too few")


def test_an_open_verdict_names_the_size_that_would_decide(tmp_path):
    found = verdict(tmp_path, bare(), about={"items": 100}, model=(10, 11.6))
    assert "items instead of 100 would decide" in found.because


@given(st.floats(0.1, 3), st.floats(1, 4))
def test_the_size_that_would_decide_grows_with_the_width_squared(distance, factor):
    end = 11
    narrow = Estimate(end - distance, end - 4, end + 4)
    wide = Estimate(end - distance, end - 4 * factor, end + 4 * factor)
    found = Check.model_validate(at_least(end))
    grown = times_the_data(found, wide) / times_the_data(found, narrow)
    assert grown == pytest.approx(factor**2)


def test_too_small_a_profile_leaves_it_open(tmp_path):
    assert outcome(tmp_path, entry(), "smoke", model=(9.5, 10.5), **FAR) == "open"


def test_a_claim_says_that_what_it_rests_on_fails(tmp_path):
    claims = ledger(
        tmp_path / "claims",
        bare(id="A-BASE", checks=[check(evidence=at("base"))]),
        bare(id="A-TOP", requires=["A-BASE"]),
    )
    write(tmp_path, k=measured(model=(9, 11)), base=measured(model=(1, 2)))
    base, top = judge(claims, tmp_path, "laptop")
    assert (base.rests_on, top.rests_on) == ({}, {"A-BASE": "not replicated"})


def test_the_verdict_under_an_earlier_rule_stands_beside(tmp_path):
    earlier = {"rule": "all of them", "keys": {"k": "all"}}
    analysis = {"rule": "some", "commit": "0123abc", "after": True, "earlier": earlier}
    claims = ledger(tmp_path / "claims", bare(analysis=analysis))
    write(tmp_path / "laptop", k=measured(model=(9, 11)), all=measured(model=(1, 2)))
    (spoken,) = speaking(claims, tmp_path)
    assert (spoken.verdict.outcome, spoken.earlier.outcome) == ("replicated", "not replicated")


def test_holm_corrects_over_a_papers_signs(tmp_path):
    ends = {"k": (0.01, 2), "l": (1, 2), "m": (0.2, 2)}
    checks = [above_zero(name=key, evidence=at(key)) for key in ends]
    claims = ledger(tmp_path / "claims", bare(checks=checks))
    write(tmp_path / "laptop", **{key: measured(model=each) for key, each in ends.items()})
    spoken = speaking(claims, tmp_path)
    found = {name: p for (_, name), p in family.holm(spoken).items()}
    alone = {
        key: norm.sf((low + high) / 2 / ((high - low) / 2 / norm.ppf(0.975)))
        for key, (low, high) in ends.items()
    }
    assert found == pytest.approx({"l": 3 * alone["l"], "m": 2 * alone["m"], "k": alone["k"]})
    assert family.decided(spoken) == (3, 3, pytest.approx(0.15))


def test_missing_evidence_is_not_run(tmp_path):
    verdict = judge(ledger(tmp_path / "claims", entry()), tmp_path, "laptop")[0]
    assert (verdict.outcome, verdict.tried_on, verdict.checks[0].model) == ("not run", None, None)


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "fails"], "in part"),
        (["holds", "not specific", "open"], "in part"),
        (["open", "fails"], "fails"),
        (["open", "fails", "not run"], "fails"),
        (["not specific", "fails"], "fails"),
        (["artefact", "not specific"], "artefact"),
        (["holds", "open"], "open"),
        (["holds", "not run"], "open"),
        (["not run", "not run"], "not run"),
    ],
)
def test_a_claim_combines_its_checks(decisions, expected):
    rulings = [Ruling(each, "r") for each in decisions]
    assert combine(rulings).decision == combine(rulings[::-1]).decision == expected


@given(st.lists(st.sampled_from(["holds", "open", "not run", *AGAINST]), min_size=1))
def test_an_open_part_never_hides_a_refuted_one(decisions):
    found = combine([Ruling(each, "r") for each in decisions]).decision
    assert (found in (*AGAINST, "in part")) == bool(set(decisions) & set(AGAINST))
    assert (worded(found, False) == "replicated") == (set(decisions) == {"holds"})
