"""Which profile speaks, how agreement is measured, and where the numbers in prose come from."""

import json
import re
from math import inf

import pytest
import yaml

from strata import paths
from strata.claims import LedgerError, load_ledger
from strata.claims.agreement import agreement_table, disagreement
from strata.claims.entries import Check, Claim
from strata.claims.judging import OUTCOMES
from strata.claims.quoting import PLACE, quote
from strata.claims.speaking import speaking
from strata.claims.tables import because, check_table, command, metrics, null_models
from strata.papers import Paper
from strata.pipeline import stage_of
from strata.records import Estimate
from strata.report import parts
from strata.report.material import read_material
from strata.report.stages import cost_table, graph, inputs_of
from strata.report.texts import Deviation, load_texts

CLAIM = {
    "id": "A-X",
    "source": {"kind": "abs"},
    "statement": "something",
    "protocol": "toy",
    "profile": "laptop",
    "nulls": [],
    "no_null": "none applies",
    "analysis": {"rule": "r", "commit": "0123abc"},
}
PAPER = Paper(
    room="toy", letter="A", title="t", authors="a", year=2026, arxiv="1", about="a", notebook="n",
    protocols={"toy": []},
)  # fmt: skip


def claim_of(**fields):
    made = Claim(**CLAIM | fields)
    made._of = PAPER
    return made


def check(kind="exact", published=10, **tolerance):
    tolerance = {"reason": "r"} | (tolerance or {"absolute": 2})
    if kind == "sign":
        tolerance["side"] = "above" if published > 0 else "below"
    place = {"file": "anatomy/ablation.json", "key": "k"}
    return Check(
        name=f"n {published}", kind=kind, published=published, unit="u",
        tolerance=tolerance, evidence=place,
    )  # fmt: skip


def measured(results, profile, low, high, **nulls):
    subjects = {"model": (low, high), **nulls}
    values = {
        name: {"value": (low + high) / 2, "low": low, "high": high}
        for name, (low, high) in subjects.items()
    }
    file = results / profile / "anatomy" / "ablation.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"about": {"model": profile}, "measurements": {"k": values}}))


@pytest.fixture
def claims():
    return [claim_of(checks=[check().model_dump(exclude_unset=True)])]


def spoken(claims, results):
    [best] = speaking(claims, results)
    return best.profile, best.verdict.outcome


def test_largest_profile_with_evidence_speaks_and_smoke_never(claims, tmp_path):
    results = tmp_path / "results"
    measured(results, "smoke", 10, 10)
    assert spoken(claims, results) == ("laptop", "not run")
    measured(results, "laptop", 10, 11)
    assert spoken(claims, results) == ("laptop", "replicated")
    (results / "paper").mkdir()
    assert spoken(claims, results) == ("laptop", "replicated")
    measured(results, "study", 20, 21)
    assert spoken(claims, results) == ("study", "not replicated")


def test_command_names_the_profile_that_spoke():
    assert command("no/file.json", "laptop") == "-"
    file = "anatomy/ablation.json"
    forced = "dvc repro --force --single-item"
    assert command(file, "laptop") == f"{forced} anatomy_ablation"
    assert command(file, "study") == f"{forced} results/study/dvc.yaml:anatomy_ablation"


def test_a_verdict_is_explained_by_its_numbers_and_its_nulls(tmp_path):
    checks = [check(), check(published=30), check(published=11)]
    nulls = ["random_initialisation", "shuffled_layers"]
    checks = [each.model_dump(exclude_unset=True) for each in checks]
    claim = claim_of(nulls=nulls, no_null="", checks=checks)
    measured(tmp_path, "laptop", 10, 11, random_initialisation=(30, 31))
    [found] = speaking([claim], tmp_path)
    assert because(found) == (
        "agrees, but shuffled layers was not tried (2 of 3); "
        "the interval lies outside the region (1 of 3)"
    )
    assert null_models(claim, found.verdict) == (
        "random initialisation agrees in 1 of 3 checks; shuffled layers not tried"
    )
    assert null_models(claim_of(checks=checks), found.verdict) == "none applies"


@pytest.mark.parametrize(
    ("tested", "interval", "expected"),
    [
        (check(), (10, 10, 10), (0, 0, 0)),
        (check(), (12, 11, 14), (1, 0.5, 2)),
        (check(), (11, 9, 12), (0.5, 0, 1)),
        (check(absolute=0), (10, 10, 10), (0, 0, 0)),
        (check(absolute=0), (11, 11, 11), (1.1, 1.1, 1.1)),
        (check("ratio", 8, factor=2), (4, 2, 8), (1, 0, 2)),
        (check("ratio", 8, factor=2), (-1, -2, 4), (inf, 1, inf)),
        (check("range", 5, low=4, high=inf), (3, 2, 900), (2, 0, 3)),
    ],
)
def test_distance_is_in_tolerances_and_one_at_the_edge(tested, interval, expected):
    value, low, high = interval
    found = disagreement(tested, Estimate(value, low, high))
    assert found == pytest.approx(expected)


def test_agreement_has_a_row_for_every_measured_check_and_null(claims, tmp_path):
    measured(tmp_path / "results", "laptop", 10, 12)
    table = agreement_table(speaking(claims, tmp_path / "results"))
    assert table[["claim", "subject", "value"]].to_numpy().tolist() == [["A-X", "model", 0.5]]


def test_numbers_in_prose_are_those_of_the_profile_that_speaks(tmp_path):
    text = "It is {anatomy/ablation.json#k} and {anatomy/ablation.json#k@null}."
    measured(tmp_path, "laptop", 1, 3, null=(0, 0))
    measured(tmp_path, "study", 5, 5)
    assert quote(text, tmp_path, lambda _: "laptop", "laptop") == "It is 2.0 [1.0, 3.0] and 0."
    found = quote(text, tmp_path, lambda _: None, "laptop")
    assert found == "It is 5 (study) and 0."
    with pytest.raises(LedgerError, match=r"\{anatomy/ablation.json#z\}: no profile of .* has it"):
        quote("{anatomy/ablation.json#z}", tmp_path, lambda _: None, "laptop")


def test_headlines_take_every_number_from_evidence():
    material = read_material()
    assert sum(map(len, material.headlines.values())) <= 25
    for headline in (each for every in material.headlines.values() for each in every):
        assert PLACE.search(headline.found), headline.claim
    assert "{" not in parts.headlines(material)


def test_deviations_are_strict(tmp_path):
    known = {claim.id: () for claim in load_ledger()}
    folder = paths.PAPERS / "anatomy"
    found = load_texts(Deviation, folder, known)
    with pytest.raises(LedgerError, match="expected claims of the ledger, found A-CORE"):
        load_texts(Deviation, folder, dict.fromkeys(known.keys() - {"A-CORE"}, ()))
    entry = found[0].model_dump(mode="json") | {"claims": ["A-CORE"], "colour": "red"}
    (tmp_path / "deviations.yaml").write_text(yaml.safe_dump([entry]))
    with pytest.raises(LedgerError, match=f"deviation {entry['about']}: colour"):
        load_texts(Deviation, tmp_path, known)
    assert Deviation.model_fields["changes"].is_required()


def test_every_row_of_the_table_of_claims_leads_to_its_evidence():
    table = check_table(read_material().spoken)
    for row in table.itertuples():
        file, _, key = row.evidence.partition("#")
        stage = stage_of(file)
        assert (stage is None) == (row.command == "-"), row.evidence
        if row.ours != "-":
            profile = row.profile.partition(",")[0]
            content = json.loads((paths.results(profile) / file).read_text())
            assert key in content["measurements"] and row.command.endswith(stage)


def test_the_front_page_is_short():
    assert paths.README.stat().st_size <= 10_000


def test_costs_have_a_row_a_stage_and_a_column_a_profile(tmp_path):
    run = {"seconds": 90, "peak_memory_gib": 1.26, "cores": 2}
    for profile, device in (("laptop", {"device": "cpu"}), ("study", {"gpu": "a GPU"})):
        file = tmp_path / profile / "provenance" / "models.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(run | device))
    table = cost_table(tmp_path).set_index("stage")
    assert table.loc["models"].to_dict() == {
        "laptop": "1.5 min, 1.3 GiB, cpu, 2 cores",
        "study": "1.5 min, 1.3 GiB, a GPU",
    }
    assert table.loc["corpus"].tolist() == ["-", "-"]


def test_an_arrow_of_the_pipeline_is_a_file_that_is_read_and_none_repeats_a_longer_way():
    arrows = set(re.findall(r"(\w+) --> (\w+)", graph(read_material())))
    assert {("corpus", "lws_train"), ("models", "anatomy_ablation")} <= arrows
    assert ("lws_train", "lws_compare") in arrows and ("corpus", "lws_compare") not in arrows


def test_inputs_of_a_stage_are_those_of_the_stages_it_rests_on():
    (corpus,) = inputs_of("lws_compare", "laptop")
    assert corpus.file == "laptop/inputs/corpus.json" and corpus.licence == "PSF-2.0"
    assert set(corpus.hashes) >= {"train.sha256", "validation.sha256"}
    files = [each.file for each in inputs_of("painters_generation", "study")]
    assert "study/inputs/benchmarks/gsm8k.json" in files
    assert not any("glue" in each for each in files)


def test_metrics_fit_a_screen():
    found = metrics([each.verdict for each in read_material().spoken])
    assert len(found) <= 12 and found["checks measured"] < found["checks"]
    assert sum(found[outcome] for outcome in OUTCOMES) == len(load_ledger())


def test_every_outcome_is_explained_and_counted():
    material = read_material()
    for outcome in {each.verdict.outcome for each in material.spoken}:
        assert outcome in parts.MEANINGS and outcome in parts.tally(material.spoken)
    assert parts.counts_by_paper(material).loc["all", "all"] == len(material.spoken)
