"""Running a stage: its parameters, its provenance, and one line for every error.

A numbered script defines `run(settings)` and ends with

    if __name__ == "__main__":
        stage.main(__doc__, run)
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from strata import paths, ranks, records
from strata.command_line import one_line_errors, parameters, parser
from strata.locks import locked
from strata.params import Params

SHARED = ("profile", "params", "set", "dry_run")


def main(
    description: str | None,
    run: Callable[..., None],
    price: Callable[[Params], str] | None = None,
    extend: Callable[[argparse.ArgumentParser], Any] = lambda parser: None,
    shared: bool = False,
) -> None:
    """Run a stage from the command line and record how, in `provenance/<stage>.json`.

    Args:
        run: takes the parameters, and as keywords the options that `extend` adds.
        price: what the stage would cost, as text; adds `--dry-run`, which prints it and stops.
        extend: adds options of the stage's own to a parser.
        shared: the stage's work is shared out over torchrun's processes, by `Work.every`.

    Two runs of a stage and profile follow each other. Exits with one line: with status 1 on an
    error of the house, 2 on a bad option, 130 on Ctrl-C, 143 on SIGTERM.
    """
    with one_line_errors():
        signal.signal(signal.SIGTERM, _interrupt)
        options = parser(description)
        if price:
            options.add_argument("--dry-run", action="store_true", help="print the cost and stop")
        extend(options)
        chosen = options.parse_args()
        settings = parameters(chosen)
        extras = {name: value for name, value in vars(chosen).items() if name not in SHARED}
        if price and chosen.dry_run:
            print(price(settings))
            return
        with recorded(settings.profile), ranks.joined() if shared else nullcontext():
            run(settings, **extras)


@contextmanager
def recorded(profile: str) -> Iterator[None]:
    """Run alone and write the provenance; the first of torchrun's processes does it for all."""
    if ranks.RANK != 0:
        yield
        return
    provenance = paths.results(profile) / "provenance" / f"{name()}.json"
    with (
        locked(f"{profile}-{name()}", f"{name()} ({profile})"),
        records.provenance(provenance, device),
    ):
        yield


def name() -> str:
    """The stage that this process runs: its script's name without the number."""
    return Path(sys.argv[0]).stem.partition("_")[2]


def _interrupt(number: int, _frame: Any) -> None:
    raise KeyboardInterrupt(number)


def device() -> dict[str, str]:
    """Where torch computed, if the stage used it: cpu, or cuda and the card's name."""
    if "torch" not in sys.modules:
        return {}
    import torch

    if not torch.cuda.is_available():
        return {"device": "cpu"}
    return {"device": "cuda", "gpu": torch.cuda.get_device_name()}
