"""Work that is kept when a run is interrupted, and units side by side in worker processes."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from strata import paths
from strata.work import Work, WorkError, side_by_side


@pytest.fixture
def place(monkeypatch, tmp_path):
    """A folder of unfinished work, with a module that its numbers depend on."""
    monkeypatch.setattr(paths, "WORK", tmp_path / "work")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "module.py").write_text("one = 1")
    return tmp_path


@pytest.fixture
def work(place):
    return Work("stage", {"steps": 3}, [place / "code"])


@pytest.fixture(autouse=True)
def two_threads(set_threads):
    """The parent computes with two threads, also where the environment says one."""
    set_threads(2)


def product(size: int) -> tuple[int, int, int]:
    """The size, the threads that the worker has, and the trace of ones times ones."""
    ones = torch.ones(size, size)
    return size, torch.get_num_threads(), int((ones @ ones).trace())


def killed(_unit: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def asleep(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


def running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def until(condition) -> None:
    """Wait until a condition holds, for 90 seconds at most."""
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def trained(seed: int) -> float:
    torch.manual_seed(seed)
    layer, rows = nn.Linear(64, 64), torch.randn(256, 64)
    optimizer = torch.optim.AdamW(layer.parameters(), fused=True)
    for _ in range(3):
        optimizer.zero_grad()
        loss = layer(rows).square().mean()
        loss.backward()
        optimizer.step()
    return loss.item()


def test_workers_answer_in_order_on_one_thread_each():
    assert product(1024)[1] == 2
    sizes = [512, 1, 256, 2, 128]
    assert side_by_side(product, sizes, 2, "multiply") == [(n, 1, n * n) for n in sizes]


def test_workers_train_after_the_parent_has_trained():
    alone = side_by_side(trained, range(4), 1, "train")
    assert side_by_side(trained, range(4), 2, "train") == pytest.approx(alone, rel=1e-5)


def test_a_unit_that_fails_ends_the_run():
    with pytest.raises(RuntimeError, match="negative dimension"):
        side_by_side(product, [1, -1], 2, "multiply")


def test_a_killed_worker_is_one_line():
    with pytest.raises(WorkError, match="end: a worker process was killed, perhaps for want of"):
        side_by_side(killed, [1, 2], 2, "end")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(tmp_path, number):
    folder = Path(__file__).parent
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    asleep = f"t.side_by_side(t.asleep, [{str(tmp_path)!r}] * 2, 2, 'sleep')"
    code = f"{heard}; import test_work as t; {asleep}"
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stderr=subprocess.DEVNULL)
    until(lambda: len(list(tmp_path.iterdir())) == 2)
    workers = [int(file.name) for file in tmp_path.iterdir()]
    parent.send_signal(number)
    until(lambda: not any(map(running, workers)))
    assert parent.wait(10) != 0


def test_interrupted_work_goes_on_until_it_is_cleared(work, place):
    assert work.result("unit") is None and work.restore("unit") is None
    work.save("unit", {"step": 1, "weights": torch.ones(2)})
    again = Work("stage", {"steps": 3}, [place / "code"])
    assert again.restore("unit")["weights"].tolist() == [1, 1]
    again.finish("unit", [0.5])
    assert again.result("unit") == [0.5] and again.restore("unit") is None
    again.clear()
    assert work.result("unit") is None


def test_work_of_other_facts_or_code_is_not_picked_up(work, place):
    work.finish("unit", 1)
    assert Work("stage", {"steps": 4}, [place / "code"]).result("unit") is None
    (place / "code" / "other.py").write_text("")
    assert Work("stage", {"steps": 3}, [place / "code" / "module.py"]).key == work.key
    (place / "code" / "module.py").write_text("one = 2")
    assert Work("stage", {"steps": 3}, [place / "code" / "module.py"]).result("unit") is None


def test_no_space_left_keeps_the_last_good_state(work):
    work.save("unit", {"step": 2})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(WorkError, match="cannot be written .* last good one is kept"):
            work.save("unit", {"step": 3, "weights": torch.ones(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert work.restore("unit") == {"step": 2}
    assert not list(work.folder.glob("*part*"))


def test_damaged_state_is_refused(work):
    work.save("unit", {"step": 2})
    (work.folder / "unit.pt").write_bytes(b"damaged")
    with pytest.raises(WorkError, match="not a readable checkpoint"):
        work.restore("unit")
