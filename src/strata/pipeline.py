"""`dvc.yaml` as data: which stage writes a file, and which modules a script depends on.

python -m strata.pipeline      # write the modules that every stage depends on into dvc.yaml
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from strata import paths, rooms
from strata.records import write_text

PREFIX = "results/${profile}/"
UNTRACKED = ("params", "paths.py", "rooms.py", "profiles.py", "yamls.py", "errors.py")
UNTRACKED += ("command_line.py", "stage.py", "locks.py", "results.py", "pipeline.py")
"""What they read is tracked by key, or decides no number."""


@cache
def stages() -> dict[str, dict[str, Any]]:
    """Stage -> its entry in dvc.yaml."""
    return yaml.safe_load(paths.PIPELINE.read_text(encoding="utf-8"))["stages"]


def script(stage: str) -> Path:
    """The numbered script that a stage runs."""
    return paths.ROOT / stages()[stage]["cmd"].split()[1]


def files(stage: str) -> list[str]:
    """What a stage writes below results/<profile>/."""
    entry = stages()[stage]
    outputs = [*entry.get("outs", []), *entry.get("metrics", []), *entry.get("plots", [])]
    names = [next(iter(each)) if isinstance(each, dict) else each for each in outputs]
    return [name.removeprefix(PREFIX) for name in names]


def every_file() -> set[str]:
    """All that stages write below results/<profile>/."""
    return {file for stage in stages() for file in files(stage)}


def stage_of(file: str) -> str | None:
    """The stage that writes a file below results/<profile>/, e.g. `anatomy/ablation.json`."""
    return next((stage for stage in stages() if file in files(stage)), None)


def with_sources(stage: str) -> list[str]:
    """A stage and those whose files it reads."""
    read = (dep.removeprefix(PREFIX) for dep in stages()[stage]["deps"])
    return [stage, *filter(None, map(stage_of, read))]


def direct_modules(script: Path) -> list[str]:
    """The modules of a paper's room that a script imports itself."""
    found = {
        module.relative_to(paths.SRC).as_posix()
        for module in _imported(script)
        if len(module.relative_to(paths.SRC).parts) > 2 and has_code(module)
    }
    return sorted(found)


def code_dependencies(script: Path) -> list[str]:
    """A script and the modules with code that it imports, directly or not, from the root."""
    found, queue = set(), [script]
    while queue:
        for module in _imported(queue.pop()):
            if module not in found and not _untracked(module):
                found.add(module)
                queue.append(module)
    used = {module for module in found if has_code(module)}
    whole = {folder for folder in {module.parent for module in used} if _code_in(folder) <= used}
    kept = {module for module in used if module.parent not in whole} | whole
    names = sorted(each.relative_to(paths.ROOT).as_posix() for each in kept)
    return [script.relative_to(paths.ROOT).as_posix(), *names]


def _code_in(folder: Path) -> set[Path]:
    modules = {module for module in folder.rglob("*.py") if has_code(module)}
    return {module for module in modules if not _untracked(module)}


def _untracked(module: Path) -> bool:
    name = module.relative_to(paths.SRC / "strata").as_posix()
    return module.name == "params.py" or name.startswith(UNTRACKED)


@cache
def has_code(file: Path) -> bool:
    """Whether a module does more than to document, import and export."""
    body = ast.parse(file.read_text(encoding="utf-8")).body[1:]
    plain = (ast.Import, ast.ImportFrom)
    return any(
        not isinstance(each, plain)
        and not (isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__all__")
        for each in body
    )


def named_modules(file: Path) -> Iterator[str]:
    """What a file names in its imports of `strata`: modules as paths below src/, and members."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.replace(".", "/") for name in names if name.startswith("strata"))


def _imported(file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "rooms.modules":
            yield from rooms.files(ast.literal_eval(node.args[0]))
    for name in named_modules(file):
        for place in (paths.SRC / f"{name}.py", paths.SRC / name / "__init__.py"):
            if place.is_file():
                yield place


def with_dependencies(text: str) -> str:
    """dvc.yaml's text with the modules below src/ of every stage as its imports have them."""
    lines: list[str] = []
    entry = None
    for line in text.splitlines():
        if found := re.fullmatch(r"    cmd: python (src/\S+\.py).*", line):
            entry = paths.ROOT / found[1]
        if entry and re.match(r"      - src/", line):
            continue
        lines.append(line)
        if entry and line == "    deps:":
            lines += [f"      - {each}" for each in code_dependencies(entry)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_text(paths.PIPELINE, with_dependencies(paths.PIPELINE.read_text(encoding="utf-8")))
