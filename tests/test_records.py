"""Evidence is canonical and appears whole or not at all."""

import json

import numpy as np
import pandas as pd
import pytest
from faults import FAULTS, Process

from strata import records
from strata.records import Estimate


def test_json_is_sorted_and_rounded(tmp_path):
    records.write_json(tmp_path / "a.json", {"b": 1 / 3, "a": [np.float64(2 / 3), 1, "x"]})
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "a": [0.6666667, 1, "x"],
        "b": 0.3333333,
    }
    assert (tmp_path / "a.json").read_text().index('"a"') < (tmp_path / "a.json").read_text().index(
        '"b"'
    )


def test_json_refuses_non_finite_numbers_and_keeps_the_old_file(tmp_path):
    file = tmp_path / "a.json"
    records.write_json(file, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.write_json(file, {"a": float("nan")})
    assert json.loads(file.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_interrupted_write_leaves_the_old_file_and_no_other(tmp_path):
    file = tmp_path / "a.txt"
    records.write_text(file, "old")
    with pytest.raises(UnicodeEncodeError):
        records.write_text(file, "new \ud800")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_unchanged_file_keeps_its_time(tmp_path):
    file = tmp_path / "a.txt"
    records.write_text(file, "same")
    before = file.stat().st_mtime_ns
    records.write_text(file, "same")
    assert file.stat().st_mtime_ns == before


def test_csv_is_rounded_and_reads_back(tmp_path):
    table = pd.DataFrame({"layer": [0, 1], "x": [1 / 3, 1e9 / 3]})
    records.write_csv(tmp_path / "t.csv", table)
    assert (tmp_path / "t.csv").read_text() == "layer,x\n0,0.3333333\n1,3.333333e+08\n"


def test_measurements_carry_their_conditions(tmp_path):
    file = tmp_path / "m.json"
    records.write_measurements(file, {"model": "m"}, {"k": {"model": Estimate(1, 0.5, 2)}})
    assert json.loads(file.read_text()) == {
        "about": {"model": "m"},
        "measurements": {"k": {"model": {"value": 1, "low": 0.5, "high": 2}}},
    }


def test_provenance_is_written_only_when_the_block_succeeds(tmp_path):
    with pytest.raises(KeyError), records.provenance(tmp_path / "p.json"):
        raise KeyError
    assert not (tmp_path / "p.json").exists()
    with records.provenance(tmp_path / "p.json", lambda: {"device": "cpu"}):
        pass
    written = json.loads((tmp_path / "p.json").read_text())
    assert written["device"] == "cpu" and written["peak_memory_gib"] > 0


@pytest.mark.parametrize("before", ["same", "old"])
def test_what_a_killed_writer_left_is_gone_with_the_next_write(tmp_path, before):
    file = tmp_path / "a.txt"
    file.write_text(before)
    (tmp_path / ".a.txt.part").write_text("half of a much longer text")
    records.write_text(file, "same")
    assert file.read_text() == "same" and list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_written_is_named_and_keeps_its_content(tmp_path):
    file = tmp_path / "a.txt"
    records.write_text(file, "old")
    full = Process(lambda: records.write_text(file, "new" * 100), [tmp_path], FAULTS["full"], 1)
    assert f"File too large: '{file}'" in full.end().output
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]
