"""The experiments' speed against an earlier commit, in turns on one machine in one run.

Writes results/bench/paired.json. Ten minutes; `python bench/paired.py COMMIT` names another commit
than the last but one.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from strata import params, paths, profiles, records, schedules
from strata.anatomy.ablation import ablate
from strata.models import blocks, load
from strata.painters.harness import SweepLM, harness_results
from strata.tasks import load_task
from strata.text import batches, read_passages

TURNS = 5
PASSAGES, ITEMS, STARTS = 8, 32, (2, 6)
TARGET_RATIO = 1.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", nargs="?", default="HEAD~1")
    commit = git("rev-parse", parser.parse_args().commit)
    file = paths.ROOT / "results" / "bench" / "paired.json"
    with records.provenance(file.with_name("paired_machine.json")), tree(commit) as theirs:
        records.write_json(file, {"against": commit[:12], "turns": TURNS, **compare(theirs)})
    print(file.read_text(encoding="utf-8"))


def compare(theirs: Path) -> dict[str, object]:
    """Processor seconds of each turn, and the least of ours over the least of theirs."""
    trees = {"ours": paths.ROOT, "theirs": theirs}
    turns: dict[str, list[list[float]]] = {name: [] for name in trees}
    for turn in range(TURNS):
        for name in list(trees)[:: 1 if turn % 2 else -1]:
            turns[name].append(seconds(trees[name]))
    found = {}
    for place, name in enumerate(("ablation", "sweep")):
        took = {whose: [each[place] for each in of] for whose, of in turns.items()}
        found[name] = {"seconds": took, "ratio": min(took["ours"]) / min(took["theirs"])}
    return found | {"target_ratio": TARGET_RATIO}


def seconds(root: Path) -> list[float]:
    """Processor seconds of the workload with the code of a tree, in a process of its own."""
    variables = os.environ | {"PYTHONPATH": str(root / "src"), "TQDM_DISABLE": "1"}
    command = [sys.executable, "-c", "import paired; paired.workload()"]
    done = subprocess.run(
        command, cwd=Path(__file__).parent, env=variables, check=True, stdout=subprocess.PIPE
    )
    return [float(each) for each in done.stdout.split()[-2:]]


def workload() -> None:
    """An ablation of paper A and variants of paper C in float32; prints what each takes."""
    settings = params.compose(profiles.base())
    loaded = load("anatomy_model", settings)
    passages = read_passages(settings)[:PASSAGES]
    tokens = batches(passages, loaded.tokenizer, PASSAGES, settings.evaluation_text.max_tokens)
    depth = len(blocks(loaded.model))
    ablate(loaded.model, tokens, "skip")  # warm-up
    start = time.process_time()
    ablate(loaded.model, tokens, "skip")
    ablation = time.process_time() - start
    plan = [
        make(depth, s)
        for s in STARTS
        for make in (schedules.skip, schedules.reverse, schedules.parallel)
    ]
    tasks = {"winogrande": load_task("winogrande", settings.benchmarks, settings.local)}
    harness_results(tasks, SweepLM(loaded, plan[:1], batch_size=8), range(1))  # warm-up
    lm = SweepLM(loaded, plan, batch_size=8)
    start = time.process_time()
    harness_results(tasks, lm, range(ITEMS))
    print(ablation, time.process_time() - start)


@contextmanager
def tree(commit: str) -> Iterator[Path]:
    """The code of a commit in a folder of its own, with this tree's models."""
    paths.WORK.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=paths.WORK) as folder:
        place = Path(folder) / "tree"
        git("worktree", "add", "--detach", str(place), commit)
        (place / "data" / "models").symlink_to(paths.MODELS)
        try:
            yield place
        finally:
            git("worktree", "remove", "--force", str(place))


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=paths.ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
