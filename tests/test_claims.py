"""The ledger is complete and strict, and verdicts follow from intervals alone."""

import json

import pytest
import yaml

from strata import paths
from strata.claims import LedgerError, judge, load_ledger
from strata.claims.judging import _combine
from strata.claims.numbers import interval
from strata.claims.speaking import Spoken
from strata.claims.tables import check_table, counts, markdown, plain, read_verdicts
from strata.records import write_json

ANATOMY = {
    *("A-R2", "A-DELTA", "A-PRED1", "A-PRED9", "A-BASE", "A-CORE", "A-ANTI", "A-RANGE"),
    *("A-REC", "A-SCALE", "A-COST", "A-GROW", "A-FAST", "A-HALF", "A-LOSS"),
}
NULLS = ("random_initialisation", "shuffled_layers")


def entry(**changes):
    return {
        "id": "A-X",
        "locator": "Table 1",
        "statement": "something",
        "grade": "abs",
        "profile": "laptop",
        "nulls": list(NULLS),
        "checks": [check()],
        **changes,
    }


def check(**changes):
    return {
        "name": "number",
        "kind": "exact",
        "value": 10,
        "unit": "units",
        "tolerance": {"absolute": 1, "reason": "because"},
        "evidence": {"file": "a/b.json", "key": "k"},
        **changes,
    }


PAPER = {
    "letter": "A",
    "title": "Toy",
    "authors": "x",
    "year": 2026,
    "arxiv": "1",
    "about": "a toy",
    "notebook": "01_toy",
}


def ledger(folder, *entries):
    room = folder / "toy"
    room.mkdir(parents=True, exist_ok=True)
    (room / "paper.yaml").write_text(yaml.safe_dump(PAPER))
    (room / "claims.yaml").write_text(yaml.safe_dump(list(entries)))
    return load_ledger(folder)


def evidence(folder, **intervals):
    """Write one measurement: subject=(low, high); the value is the middle."""
    measured = {
        subject: {"value": (low + high) / 2, "low": low, "high": high}
        for subject, (low, high) in intervals.items()
    }
    file = folder / "a" / "b.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"about": {"model": "toy"}, "measurements": {"k": measured}}))


def outcome(tmp_path, claim, profile="laptop", **intervals):
    claims = ledger(tmp_path / "claims", claim)
    evidence(tmp_path / "results", **intervals)
    return judge(claims, tmp_path / "results", profile)[0].outcome


FAR = {"random_initialisation": (50, 60), "shuffled_layers": (50, 60)}


def test_every_published_claim_of_paper_a_is_in_the_ledger():
    ids = [claim.id for claim in load_ledger() if claim.paper == "A"]
    assert len(ids) == len(ANATOMY) and set(ids) == ANATOMY


@pytest.mark.parametrize(
    ("model", "nulls", "expected"),
    [
        ((9.5, 10.5), FAR, "replicated"),
        ((9, 11), FAR, "replicated"),
        ((8.5, 10.5), FAR, "underpowered"),
        ((1, 30), FAR, "underpowered"),
        ((11.5, 12), FAR, "not replicated"),
        ((9.5, 10.5), FAR | {"shuffled_layers": (9.9, 10)}, "not specific"),
        ((9.5, 10.5), FAR | {"shuffled_layers": (8, 12)}, "replicated"),
        ((9.5, 10.5), {"shuffled_layers": (50, 60)}, "not run"),
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
            {"kind": "ratio", "value": -10, "tolerance": {"factor": 2, "reason": "r"}},
            (-20, -5),
            (-30, -21),
        ),
        ({"kind": "sign", "tolerance": {"reason": "r"}}, (0.001, 900), (-2, 0)),
        ({"kind": "sign", "value": -1, "tolerance": {"reason": "r"}}, (-9, -0.001), (0, 0)),
        ({"kind": "order", "tolerance": {"low": 3, "high": 3, "reason": "r"}}, (3, 3), (4, 4)),
        (
            {"kind": "range", "tolerance": {"low": 5, "high": float("inf"), "reason": "r"}},
            (5, 1e9),
            (0, 4),
        ),
    ],
)
def test_each_kind_has_its_region(tmp_path, changes, inside, outside):
    claim = entry(nulls=[], checks=[check(**changes)])
    assert outcome(tmp_path, claim, model=inside) == "replicated"
    assert outcome(tmp_path, claim, model=outside) == "not replicated"


def test_too_small_a_profile_is_underpowered(tmp_path):
    assert outcome(tmp_path, entry(), "smoke", model=(9.5, 10.5), **FAR) == "underpowered"


def test_missing_evidence_is_not_run(tmp_path):
    verdict = judge(ledger(tmp_path / "claims", entry()), tmp_path, "laptop")[0]
    assert (verdict.outcome, verdict.tried_on, verdict.checks[0].model) == ("not run", None, None)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["replicated", "replicated"], "replicated"),
        (["replicated", "not replicated"], "partly"),
        (["replicated", "not specific"], "partly"),
        (["replicated", "not run"], "not run"),
        (["not specific", "not replicated"], "not replicated"),
        (["underpowered", "not replicated"], "underpowered"),
        (["artefact", "not specific"], "artefact"),
    ],
)
def test_a_claim_combines_its_checks(outcomes, expected):
    assert _combine(outcomes) == _combine(outcomes[::-1]) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grade": "rumour"}, "claim A-X: grade"),
        ({"verdict": "replicated"}, "claim A-X: verdict: Extra inputs"),
        ({"checks": []}, "claim A-X: checks"),
        ({"checks": [check(value="ten")]}, r"claim A-X: checks\.0\.value"),
        ({"checks": [check(tolerance={"absolute": 1})]}, r"checks\.0\.tolerance\.reason"),
        ({"checks": [check(kind="ratio")]}, r"kind ratio needs \['factor'\], found \['absolute'\]"),
        ({"checks": [check(kind="sign", value=0, tolerance={"reason": "r"})]}, "other than 0"),
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
    ("claim", "place", "key", "number", "before", "after"),
    [
        ("A-CORE", 1, "inner_peak_layer", 12, "replicated", "not replicated"),
        ("A-CORE", 4, "change_L11", 63419, "not replicated", "replicated"),
    ],
)
def test_changing_one_layers_number_in_the_real_evidence_flips_a_verdict(
    tmp_path, claim, place, key, number, before, after
):
    claims = [entry for entry in load_ledger() if entry.id == claim]
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
    assert "shuffled layers 55 [50, 60]" in row["nulls"]
    assert counts(verdicts)["replicated"] == 1 and sum(counts(verdicts).values()) == 1
    assert "a \\| b" in markdown(check_table(spoken).assign(x="a | b"))
    write_json(tmp_path / "verdicts.json", plain(verdicts))
    assert read_verdicts(tmp_path / "verdicts.json") == {"A-X": verdicts[0]}
