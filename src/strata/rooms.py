"""The rooms of this package that bring their own parameters or figures, found by their modules."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from strata import paths

PACKAGE = paths.SRC / "strata"


def modules(name: str) -> dict[str, ModuleType]:
    """Room -> its module `name`, of every room that has one, by name.

    A room that is added is found without an edit elsewhere: `strata/<room>/params.py` names its
    sections of the parameters, `strata/<room>/figures.py` its figures.
    """
    rooms = sorted(file.relative_to(PACKAGE).parts[0] for file in files(name))
    return {room: import_module(f"strata.{room}.{name}") for room in rooms}


def files(name: str) -> list[Path]:
    """Where those modules are."""
    return sorted([*PACKAGE.glob(f"*/{name}.py"), *PACKAGE.glob(f"*/{name}/__init__.py")])
