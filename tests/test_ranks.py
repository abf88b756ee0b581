"""A stage's units shared out over processes: the bytes of one process, also after a kill."""

import re
import sys
from pathlib import Path

import pytest
from conftest import run

from strata import paths, ranks
from strata.evidence import Evidence
from strata.work import Work, WorkError

STAGE = "painters_fidelity"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
ENDINGS = r"00_ranks: (another process of this run has ended; .*|stopped); run again to carry on"


def worker(folder, *command, dies_at=0):
    file = Path(__file__).with_name("ranks_worker.py")
    words = (sys.executable, *command, str(file), str(folder), str(dies_at), STAGE)
    return run(*words, cwd=paths.ROOT, OMP_NUM_THREADS="1")


def units(done):
    assert done.returncode == 0, done.stderr[-2000:]
    return [int(count) for count in re.findall(r"process \d of \d: (\d+) units", done.stdout)]


def evidence(folder):
    files = (folder / "results" / "smoke" / "painters").glob("fidelity*")
    return {file.name: file.read_bytes() for file in files}


def test_two_processes_write_the_bytes_of_one_that_goes_on_after_a_kill(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    done = worker(killed, *TORCHRUN, dies_at=2)
    assert done.returncode != 0 and len(re.findall(ENDINGS, done.stderr)) == 1
    kept = len(list((killed / "work").glob("*/*/*.json")))
    assert kept and not (killed / "results").exists()
    [again] = units(worker(killed))
    shares = units(worker(whole, *TORCHRUN))
    assert len(shares) == 2 and sum(shares) == kept + again and min(shares) > sum(shares) / 4
    assert evidence(killed) == evidence(whole) and len(evidence(whole)) == 4
    assert not any((whole / "work").glob("*/*"))


@pytest.fixture
def second(monkeypatch, tmp_path):
    """This process is the second of two, and waits for none."""
    for name, value in {"RANK": 1, "SIZE": 2, "wait": lambda: None}.items():
        monkeypatch.setattr(ranks, name, value)
    monkeypatch.setattr(paths, "WORK", tmp_path / "work")
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    return Work("stage", {})


def test_a_process_whose_others_write_elsewhere_says_so(second):
    made = []
    with pytest.raises(WorkError, match="one shared folder"):
        second.every({name: lambda name=name: made.append(name) or 1 for name in "abcd"}, "units")
    assert made == ["b", "d"]


def test_only_the_first_process_writes_evidence_and_removes_units(second, tmp_path):
    second.finish("a", 1)
    second.clear()
    Evidence("painters", "smoke").write("nothing", {})
    assert second.result("a") == 1 and not (tmp_path / "results").exists()
