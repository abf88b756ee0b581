"""The ledger is complete and strict, and verdicts follow from intervals alone."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from strata import paths
from strata.claims import LedgerError, family, judge, load_ledger
from strata.claims.__main__ import passed_by
from strata.claims.judging import AGAINST, Ruling, combine, worded
from strata.claims.ledger import Check
from strata.claims.nulls import claimed_direction
from strata.claims.numbers import interval
from strata.claims.power import times_the_data
from strata.claims.speaking import Spoken, speaking
from strata.claims.tables import check_table, counts, markdown, plain, read_verdicts, tally_table
from strata.records import Estimate, write_json
from strata.report.texts import Correction, Covered, load_texts
from strata.statistics import difference

ANATOMY = {
    *("A-R2", "A-DELTA", "A-PRED1", "A-PRED9", "A-BASE", "A-CORE", "A-ANTI", "A-RANGE"),
    *("A-REC", "A-SCALE", "A-COST", "A-GROW", "A-FAST", "A-HALF", "A-LOSS"),
    *("A-PERTURB", "A-OWN-RANGE", "A-OTHERS"),
}
NULLS = ("random_initialisation", "shuffled_layers")
RANGE = {"kind": "range", "published": None, "says": "much"}


def entry(**changes):
    return {
        "id": "A-X",
        "source": {"kind": "abs"},
        "statement": "something",
        "protocol": "toy",
        "profile": "laptop",
        "nulls": list(NULLS),
        "analysis": {"rule": "a rule", "commit": "0123abc"},
        "checks": [check()],
        **changes,
    }


def bare(**changes):
    """An entry without null models."""
    return entry(nulls=[], no_null="none applies", **changes)


def check(**changes):
    return {
        "name": "number",
        "kind": "exact",
        "published": 10,
        "unit": "units",
        "tolerance": {"absolute": 1, "reason": "because"},
        "evidence": {"file": "a/b.json", "key": "k"},
        **changes,
    }


def at_least(low, **changes):
    return check(**RANGE, tolerance={"low": low, "high": float("inf"), "reason": "r"}, **changes)


def above_zero(**changes):
    found = {"kind": "sign", "published": None, "says": "more"}
    return check(**found, tolerance={"side": "above", "reason": "r"}, **changes)


PAPER = {
    "letter": "A",
    "title": "Toy",
    "authors": "x",
    "year": 2026,
    "arxiv": "1",
    "about": "a toy",
    "notebook": "01_toy",
    "protocols": {"toy": [{"what": "model", "published": "toy"}]},
    "abilities": {"can": {"says": "it can", "key": "able", "above": 0}},
}


def ledger(folder, *entries):
    room = folder / "toy"
    room.mkdir(parents=True, exist_ok=True)
    (room / "paper.yaml").write_text(yaml.safe_dump(PAPER))
    (room / "claims.yaml").write_text(yaml.safe_dump(list(entries)))
    return load_ledger(folder)


def measured(**intervals):
    """subject=(low, high); the value is the middle."""
    return {
        subject: {"value": (low + high) / 2, "low": low, "high": high}
        for subject, (low, high) in intervals.items()
    }


def write(folder, about=(), **measurements):
    file = folder / "a" / "b.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"about": {"model": "toy", **dict(about)}, "measurements": measurements}
    file.write_text(json.dumps(content))


def evidence(folder, **intervals):
    write(folder, k=measured(**intervals))


def verdict(tmp_path, claim, profile="laptop", about=(), able=None, **intervals):
    claims = ledger(tmp_path / "claims", claim)
    others = {} if able is None else {"able": measured(model=able)}
    write(tmp_path / "results", about, k=measured(**intervals), **others)
    return judge(claims, tmp_path / "results", profile)[0]


def outcome(*args, **kwargs):
    return verdict(*args, **kwargs).outcome


FAR = {"random_initialisation": (50, 60), "shuffled_layers": (50, 60)}


def test_every_published_claim_of_paper_a_is_in_the_ledger():
    ids = [claim.id for claim in load_ledger() if claim.paper == "A"]
    assert len(ids) == len(ANATOMY) and set(ids) == ANATOMY


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
        bare(id="A-BASE", checks=[check(evidence={"file": "a/b.json", "key": "base"})]),
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
    checks = [
        above_zero(name="one"),
        above_zero(name="two", evidence={"file": "a/b.json", "key": "l"}),
    ]
    claims = ledger(tmp_path / "claims", bare(checks=checks))
    write(tmp_path / "laptop", k=measured(model=(0.1, 2)), l=measured(model=(1, 2)))
    spoken = speaking(claims, tmp_path)
    found = family.holm(spoken)
    assert found["A-X", "two"] < 0.001
    assert 0.01 < found["A-X", "one"] < 0.05
    assert family.decided(spoken) == (2, 2, pytest.approx(0.05))


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
    with pytest.raises(LedgerError, match="ids used more than once: A-X"):
        ledger(tmp_path, entry(), entry())
    with pytest.raises(LedgerError, match="claim B-X: expected an id that begins with A-"):
        ledger(tmp_path, entry(id="B-X"))
    with pytest.raises(LedgerError, match="profile 'huge': expected one of smoke, laptop, study"):
        ledger(tmp_path, entry(profile="huge"))
    (tmp_path / "toy" / "claims.yaml").write_text("a: [")
    with pytest.raises(LedgerError, match=r"claims\.yaml: not valid YAML"):
        load_ledger(tmp_path)


def test_evidence_without_the_key_names_claim_and_key(tmp_path):
    evidence(tmp_path, model=(1, 2))
    claim = entry(checks=[check(evidence={"file": "a/b.json", "key": "z"})])
    with pytest.raises(LedgerError, match=r"claim A-X, check number: evidence.key 'z' is not in"):
        judge(ledger(tmp_path / "claims", claim), tmp_path, "laptop")


def test_damaged_evidence_is_named(tmp_path):
    evidence(tmp_path, model=(1, 2))
    (tmp_path / "a" / "b.json").write_text("{")
    with pytest.raises(LedgerError, match=r"b\.json: not valid JSON"):
        judge(ledger(tmp_path / "claims", entry()), tmp_path, "laptop")


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": 1, "low": 2, "high": 3},
        {"value": 1, "low": 1},
        {"value": "one", "low": 1, "high": 1},
        {"value": None, "low": 1, "high": 1},
        [1, 1],
    ],
)
def test_an_interval_that_is_none_is_named(tmp_path, wrong):
    write(tmp_path, k={"model": wrong})
    with pytest.raises(LedgerError, match=r"b\.json: k\.model.*run its stage again"):
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


def test_corrections_and_coverage_name_claims_that_exist():
    known = {claim.id for claim in load_ledger()}
    for room in ("anatomy", "lws", "painters"):
        assert load_texts(Correction, paths.PAPERS / room, known)
        covered = load_texts(Covered, paths.PAPERS / room, known)
        assert len({each.item for each in covered}) == len(covered) > 7


@pytest.mark.parametrize(
    ("estimate", "shown"),
    [
        (None, "-"),
        ((1452, 1342, 1573), "1,450 [1,340, 1,570]"),
        ((-0.50091, -0.51171, -0.49281), "-0.501 [-0.512, -0.493]"),
        ((0.001654, 0.0006342, 0.002999), "0.0017 [0.0006, 0.0030]"),
        ((-0.00004, -0.01, 0.02), "0.000 [-0.010, 0.020]"),
        ((181107456, 181107456, 181107456), "181,107,456"),
        ((0.5, 0.5, 0.5), "0.5"),
    ],
)
def test_numbers_have_the_digits_that_their_interval_allows(estimate, shown):
    named = estimate and dict(zip(("value", "low", "high"), estimate, strict=True))
    assert interval(named) == shown


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
