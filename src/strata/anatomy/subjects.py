"""Paper A's model and its nulls, made once in each process that works on them."""

from functools import lru_cache

from transformers import PreTrainedModel

from strata import nulls
from strata.models import LoadedModel, load
from strata.params import Params

NAMES = (nulls.MODEL, nulls.RANDOM, nulls.SHUFFLED)


def loaded(settings: Params) -> LoadedModel:
    """The model and its tokenizer."""
    return _loaded(settings.model_dump_json())


def subject(settings: Params, name: str, seed: int) -> PreTrainedModel:
    """The model itself or the null of that name; whoever edits it restores it."""
    return _subject(settings.model_dump_json(), name, seed)


@lru_cache(maxsize=1)
def _loaded(settings: str) -> LoadedModel:
    return load("anatomy_model", Params.model_validate_json(settings))


@lru_cache(maxsize=1)
def _subject(settings: str, name: str, seed: int) -> PreTrainedModel:
    model = _loaded(settings).model
    match name:
        case nulls.RANDOM:
            return nulls.random_initialisation(model, seed)
        case nulls.SHUFFLED:
            return nulls.shuffled_layers(model, seed)
    return model
