"""The rooms of this package that bring their own parameters or figures, found by their modules."""

from importlib import import_module
from types import ModuleType

from strata import paths


def modules(name: str) -> dict[str, ModuleType]:
    """Room -> its module `name`, of every room that has one, by name.

    A room that is added is found without an edit elsewhere: `strata/<room>/params.py` names its
    sections of the parameters, `strata/<room>/figures.py` its figures.
    """
    package = paths.SRC / "strata"
    rooms = sorted(
        {file.parent.name for file in package.glob(f"*/{name}.py")}
        | {file.parent.parent.name for file in package.glob(f"*/{name}/__init__.py")}
    )
    return {room: import_module(f"strata.{room}.{name}") for room in rooms}
