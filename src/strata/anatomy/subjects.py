"""Paper A's model and its nulls, made once in each process that works on them."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from strata import nulls
from strata.evidence import MODEL, RANDOM, SHUFFLED
from strata.models import LoadedModel, load
from strata.params import Params, parse
from strata.params.sources import TextParams
from strata.text import TokenBatch, batches, read_passages

NAMES = (MODEL, RANDOM, SHUFFLED)


def loaded(settings: Params) -> LoadedModel:
    """The model and its tokenizer."""
    return _loaded(settings.model_dump_json())


def conditions(settings: Params) -> dict[str, Any]:
    """What every number on the model or a null of it was measured under."""
    facts = loaded(settings).provenance
    return {
        "model": facts["name"],
        "dtype": facts["dtype"],
        "text": settings.evaluation_text.title,
        "bos": "none; a passage's first token is not scored",
    }


def subject(settings: Params, name: str, seed: int) -> PreTrainedModel:
    """The model itself or the null of that name; whoever edits it restores it."""
    return _subject(settings.model_dump_json(), name, seed)


@lru_cache(maxsize=1)
def _loaded(settings: str) -> LoadedModel:
    return load("anatomy_model", parse(settings))


@lru_cache(maxsize=1)
def _subject(settings: str, name: str, seed: int) -> PreTrainedModel:
    model = _loaded(settings).model
    made = {RANDOM: nulls.random_initialisation, SHUFFLED: nulls.shuffled_layers}
    return made[name](model, seed) if name in made else model


def token_batches(settings: Params, count: int, batch_size: int) -> list[TokenBatch]:
    """The first `count` passages of the evaluation text."""
    text = settings.evaluation_text
    chosen = read_passages(settings)[:count]
    return batches(chosen, loaded(settings).tokenizer, batch_size, text.max_tokens)


def text_name(params: TextParams) -> str:
    """What a text is called beside a number: an authored one by its file."""
    return Path(params.authored).name if params.source == "authored" else params.title
