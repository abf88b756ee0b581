"""Curves to look at while a run goes on: DVCLive files beside its checkpoint, never evidence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path


@contextmanager
def curves(folder: Path | None, rank: int) -> Iterator[Callable[..., None]]:
    """A function `log(step, name=value...)`; it does nothing without a folder or DVCLive."""
    if folder is None or rank or find_spec("dvclive") is None:
        yield lambda step, **values: None
        return
    from dvclive import Live

    with Live(str(folder / "dvclive"), resume=True, dvcyaml=None, save_dvc_exp=False) as live:

        def log(step: int, **values: float) -> None:
            live.step = step
            for name, value in values.items():
                live.log_metric(name, value)

        yield log
