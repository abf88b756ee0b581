"""The Hugging Face hub: rows of one commit and no other, and one line for what keeps them away."""

from functools import cache
from pathlib import Path
from typing import Any

ADVICE = {
    "GatedRepoError": "it is gated: accept its licence on its page, then set HF_TOKEN",
    "RepositoryNotFoundError": "there is no such repository, or it is private: set HF_TOKEN",
    "RevisionNotFoundError": "it has no such revision",
}


def load(repository: str, config: str | None, revision: str | None, **options: Any) -> Any:
    """A data set at a commit, as `datasets.load_dataset` gives it; None: at the newest.

    A commit has a cache of its own: out of reach of the hub, `datasets` takes the latest rows in
    its cache, whatever their commit.

    Raises:
        Exception: whatever `datasets` raises; `reason` says it in a line.
    """
    from datasets import config as datasets_config
    from datasets import load_dataset

    place = Path(datasets_config.HF_DATASETS_CACHE) / (revision or "")
    return load_dataset(repository, config, revision=revision, cache_dir=str(place), **options)


@cache
def commit(repository: str, revision: str) -> str:
    """The commit that a data set's branch is at, asked for once; a commit is itself."""
    from huggingface_hub import HfApi

    found = HfApi().resolve_revision(repository, repo_type="dataset", revision=revision)
    return found.resolved


def reason(error: BaseException) -> str:
    """Why the hub did not give what was asked, in a line."""
    cause: BaseException | None = error
    while cause:
        if type(cause).__name__ in ADVICE:
            return ADVICE[type(cause).__name__]
        cause = cause.__cause__
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}".removesuffix(": ")
