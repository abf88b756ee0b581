"""The options that every command of this repository shares, and its one way to fail."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strata import profiles
from strata.errors import StrataError
from strata.params import Params, ParamsError, compose, read


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with status 1 and one line on any error of the house."""
    try:
        yield
    except StrataError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {' '.join(str(error).split())}")


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that choose parameters."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = made.add_mutually_exclusive_group()
    which.add_argument("--profile", help="profile to compose and run, e.g. smoke, laptop, study")
    which.add_argument("--params", type=Path, help="parameter file to run as it is")
    made.add_argument(
        "-S",
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="with --profile: change a parameter, e.g. benchmarks.source=local; may be repeated",
    )
    return made


def parameters(options: argparse.Namespace) -> Params:
    """The parameters that parsed options choose; bad ones end the process with status 1."""
    with one_line_errors():
        if not options.params:
            return compose(options.profile or profiles.base(), options.set)
        if options.set:
            raise ParamsError("-S changes a --profile, not a --params file: edit the file")
        return read(options.params)


if __name__ == "__main__":  # python -m strata.command_line --profile NAME
    parameters(parser("Compose a profile's parameters into results/<profile>/.").parse_args())
