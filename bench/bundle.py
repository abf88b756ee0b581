"""Write bundle/: paper B for a GPU machine without network, to be copied there and run.

    PYTHONPATH=src python bench/bundle.py
    sh bundle/run.sh MINUTES OUT          # there

It holds the code, the training text as compressed tokens, the libraries that such a machine lacks,
and the committed smoke evidence that the self-check compares with.
"""

import argparse
import lzma
import shutil
import subprocess
import sys
from pathlib import Path

from strata import paths, records
from strata.command_line import one_line_errors
from strata.params import compose
from strata.text import corpus_folder, open_corpus

PROFILE = "large"
CODE = ("src", "bench", "profiles", "params.yaml", "dvc.yaml", "data/papers", "results/smoke")
IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info")
LACKING = ("pydantic", "pydantic_core", "annotated-types", "typing-inspection")
PYTHON = ("--python-version", "3.12", "--implementation", "cp")
PLATFORM = ("--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64")
LARGEST_MIB = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default=PROFILE, help=f"whose runs; {PROFILE} if not given")
    parser.add_argument("--out", type=Path, default=paths.ROOT / "bundle")
    options = parser.parse_args()
    with one_line_errors():
        write(options.profile, options.out)
    install(options.out / "lib")
    size = sum(file.stat().st_size for file in options.out.rglob("*") if file.is_file()) / 2**20
    print(f"{options.out}: {size:.1f} MiB")
    if size > LARGEST_MIB:
        sys.exit(
            f"expected at most {LARGEST_MIB} MiB; set corpus.max_documents of the profile lower"
        )


def write(profile: str, out: Path) -> None:
    """All but the libraries, in the place of what was there.

    Raises:
        TextError: the training text cannot be had.
    """
    shutil.rmtree(out, ignore_errors=True)
    tree = out / "strata"
    for name in CODE:
        copy(paths.ROOT / name, tree / name)
    for each in {"smoke", profile}:
        folder = corpus_folder(each)
        open_corpus(compose(each).corpus, folder)
        for file in (folder / name for name in ("record.json", "tokenizer.json")):
            copy(file, tree / file.relative_to(paths.ROOT))
        for file in folder.glob("*.tokens"):
            place = tree / f"{file.relative_to(paths.ROOT)}.xz"
            records.write_bytes(place, lzma.compress(file.read_bytes()))
    script = (paths.ROOT / "bench" / "run.sh").read_text(encoding="utf-8")
    records.write_text(
        out / "run.sh", script.replace(f"--profile {PROFILE}", f"--profile {profile}")
    )


def copy(source: Path, place: Path) -> None:
    """A file or folder, links followed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place, ignore=IGNORED)
    else:
        shutil.copy(source, place)


def install(folder: Path) -> None:
    """The libraries that the machine lacks, as pinned, for its Python."""
    pins = (paths.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [pin for pin in pins if pin.partition("==")[0] in LACKING]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    only = ["--only-binary=:all:", *PYTHON, *PLATFORM, "--target", str(folder)]
    subprocess.run([*pip, *only, *wanted], check=True)


if __name__ == "__main__":
    main()
