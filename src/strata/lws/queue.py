"""All runs of a profile in order of priority: what they would cost, and doing them."""

import json
import shutil
import time
from pathlib import Path

from tqdm import tqdm

from strata import paths
from strata.errors import StrataError
from strata.lws.runs import Run, RunError, execute, finished, models, planned, work_of
from strata.lws.scaling import proportional, training_flops
from strata.params import Params
from strata.records import write_json
from strata.text import corpus_folder, open_corpus
from strata.training import world
from strata.work import side_by_side

H100_FLOPS = 989e12
SPEEDS = {"the published speed": 0.125, "MFU 40%": 0.40}
DOLLARS_PER_GPU_HOUR = 3.0  # a usual price for one H100, not a quotation


def price(settings: Params) -> str:
    """FLOPs, GPU hours and cost of every group, as a printable table."""
    params = settings.lws_train
    lines = []
    total = 0.0
    for group in params.groups:
        runs = [run for run in planned(params) if run.group is group]
        flops = sum(_flops(run, settings) for run in runs)
        total += flops
        lines.append(_priced(f"{group.name} ({len(runs)} runs)", flops))
    return "\n".join([*lines, _priced("all", total)])


def run_all(settings: Params, minutes: float | None, groups: list[str] | None) -> None:
    """Do every run (of these groups) that is not finished; start none that `minutes` are too few
    for, judged by the speed of the run before.

    Runs go on side by side (`workers` processes of one thread each), or one after another, each on
    all GPUs, under torchrun. A failed run does not stop the others.

    Raises:
        RunError: there is no such group, or some runs failed; it says which and why.
    """
    params = settings.lws_train
    known = [group.name for group in params.groups]
    if unknown := sorted(set(groups or ()) - set(known)):
        raise RunError(f"no group {', '.join(unknown)}: expected some of {', '.join(known)}")
    runs = [run for run in _unfinished(settings) if groups is None or run.group.name in groups]
    deadline = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
    together = _side_by_side if params.workers > 1 else _one_by_one
    failures = together(runs, settings, deadline)
    if failures:
        raise RunError("; ".join(failures) + ". Run again to carry on with these")


def _unfinished(settings: Params) -> list[Run]:
    """The runs that are not finished; the results of the others are where they belong."""
    corpus = open_corpus(settings.corpus, corpus_folder(settings.profile))
    wanted, there = settings.lws_train.loop.batch_tokens, len(corpus.train.tokens)
    if wanted > there:
        raise RunError(
            f"lws_train.loop.batch_tokens {wanted}: expected at most the corpus' {there} tokens; "
            f"set it lower, or corpus.max_documents higher"
        )
    for killed in corpus.train.path.parent.glob("train-*.part*"):
        killed.unlink(missing_ok=True)
    results, kept = _folders(settings)
    left = []
    for run in planned(settings.lws_train):
        work = work_of(run, settings.lws_train, corpus)
        result = finished(run, work, kept)
        if result is None:
            _drop_damaged_curves(work.folder / run.name / "dvclive")
            left.append(run)
        else:
            write_json(results / f"{run.name}.json", result)
            work.clear()
    return left


def _drop_damaged_curves(folder: Path) -> None:
    """Curves that a kill cut begin anew: DVCLive cannot resume them, and they are no evidence."""
    try:
        json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except ValueError:
        shutil.rmtree(folder)


def _folders(settings: Params) -> tuple[Path, Path]:
    """Where results and trained models are kept."""
    results = paths.results(settings.profile) / "lws" / "runs"
    return results, models(paths.runs(settings.profile))


def _one_by_one(runs: list[Run], settings: Params, deadline: float) -> list[str]:
    failures = []
    corpus = open_corpus(settings.corpus, corpus_folder(settings.profile))
    pace = 0.0  # seconds per FLOP
    with world() as here:
        for run in tqdm(runs, "runs", disable=len(runs) == 1):
            flops, start = _flops(run, settings), time.monotonic()
            if start + pace * flops >= deadline:
                continue
            try:
                execute(run, settings.lws_train, corpus, here, *_folders(settings))
            except (StrataError, RuntimeError) as error:  # also the GPU's memory or compiler
                failures.append(f"{run.name}: {error}")
            else:
                pace = (time.monotonic() - start) / flops
    return failures


def _side_by_side(runs: list[Run], settings: Params, deadline: float) -> list[str]:
    units = [(run, settings, deadline) for run in runs]
    failures = side_by_side(_alone, units, settings.lws_train.workers, "runs")
    return [line for lines in failures for line in lines]


def _alone(unit: tuple[Run, Params, float]) -> list[str]:
    run, settings, deadline = unit
    return _one_by_one([run], settings, deadline)


def _flops(run: Run, settings: Params) -> float:
    geometry = proportional(run.group.d_model, settings.corpus.vocabulary)
    loop = settings.lws_train.loop
    each = training_flops(run.shapes(geometry), geometry, loop.sequence_length)
    return each * loop.batch_tokens * run.group.steps


def _priced(name: str, flops: float) -> str:
    hours = {speed: flops / (H100_FLOPS * share) / 3600 for speed, share in SPEEDS.items()}
    parts = [
        f"{each:,.1f} H100 hours at {speed} ({each * DOLLARS_PER_GPU_HOUR:,.0f} dollars)"
        for speed, each in hours.items()
    ]
    return f"{name}: {flops:.3g} FLOPs, {', '.join(parts)}"
