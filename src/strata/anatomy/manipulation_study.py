"""Paper A's manipulations as a study: every strategy, on the model and its nulls."""

from collections.abc import Iterator
from functools import lru_cache

import pandas as pd

from strata.anatomy import manipulation, subjects
from strata.anatomy.manipulation import Manipulated
from strata.anatomy.perplexity import Measured, measure
from strata.evidence import MODEL
from strata.execution import TracedBatch, traced
from strata.models import blocks
from strata.params import Params, parse
from strata.records import Estimate
from strata.work import side_by_side

Layers = tuple[int, ...]


def study(
    settings: Params, found: Layers
) -> Iterator[tuple[str, pd.DataFrame, dict[str, Estimate]]]:
    """Of each subject a row a set of layers and strategy, and what the ledger judges.

    Args:
        found: the redundant layers. On the model each is manipulated alone too, and so are the
            layers that the paper names.
    """
    section = settings.anatomy_manipulation
    sets = {name: [found] for name in subjects.NAMES}
    sets[MODEL] = manipulation.layer_sets(found, section.named)
    units = [(settings, name, layers) for name in sets for layers in sets[name]]
    done = side_by_side(_manipulated, units, section.workers, "manipulate")
    for name in sets:
        own = [each for unit, each in zip(units, done, strict=True) if unit[1] == name]
        results = [result for _, each in own for result in each]
        boot = manipulation.changes(results, own[0][0], section.resamples, section.seed)
        table = manipulation.result_table(results, boot)
        yield name, table, manipulation.measurements(results, boot, found)


def _manipulated(unit: tuple[Params, str, Layers]) -> tuple[Measured, list[Manipulated]]:
    settings, name, layers = unit
    section = settings.anatomy_manipulation
    model = subjects.subject(settings, name, section.seed)
    entered = _entered(settings.model_dump_json(), name)
    base = measure(model, entered, len(blocks(model)))
    return base, manipulation.manipulate(model, entered, layers, section.alphas, section.seed)


@lru_cache(maxsize=1)
def _entered(dumped: str, name: str) -> list[TracedBatch]:
    settings = parse(dumped)
    section = settings.anatomy_manipulation
    limit = section.passages if name == MODEL else section.null_passages
    model = subjects.subject(settings, name, section.seed)
    return traced(model, subjects.token_batches(settings, limit, section.batch_size))
