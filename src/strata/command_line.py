"""The options that every command of this repository shares, and its one way to fail."""

import argparse
import errno
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strata import paths, profiles
from strata.errors import StrataError
from strata.params import Params, ParamsError, compose, read

REFUSALS = ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with one line: with status 1 on an error of the house or a disk that cannot
    be written, with 128 and the signal's number on Ctrl-C or a signal that is handled as one."""
    try:
        yield
    except BaseException as error:
        line, status = _ending(error)
        if not line:
            raise
        traceback.clear_frames(error.__traceback__)  # ends progress bars
        ending = f"{Path(sys.argv[0]).name}: {line}"
        if status == 1:
            sys.exit(ending)
        print(ending, file=sys.stderr)
        sys.exit(status)


def _ending(error: BaseException) -> tuple[str, int]:
    """The one line that a process ends with, none where a traceback is due, and its status."""
    match error:
        case StrataError():
            return str(error), 1
        case KeyboardInterrupt():
            return "stopped; run again to carry on", 128 + next(iter(error.args), signal.SIGINT)
        case Exception() if reason := _of_a_disk(error):
            advice = "Make room there, or make it writable, and run again to carry on"
            return f"{_place(error)}: {reason}. {advice}", 1
    return "", 1


def _of_a_disk(error: Exception) -> str | None:
    """What a disk refused, where an error is about that; libraries quote the system's words."""
    reasons = (os.strerror(getattr(errno, name)) for name in REFUSALS)
    return next((reason for reason in reasons if reason in str(error)), None)


def _place(error: Exception) -> str:
    """The file that an error names, or the folder with the least room."""
    written = [paths.ROOT, paths.RESULTS, *paths.MODELS.parent.glob("*/"), tempfile.gettempdir()]
    least = min(filter(os.path.exists, written), key=lambda place: shutil.disk_usage(place).free)
    return getattr(error, "filename", None) or str(least)


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
