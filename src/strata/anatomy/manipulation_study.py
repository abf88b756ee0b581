"""Paper A's manipulations as a study: every strategy, on the model and its nulls."""

from functools import lru_cache
from itertools import chain

import pandas as pd

from strata.anatomy import manipulation, subjects
from strata.anatomy.manipulation import Manipulated
from strata.anatomy.params import ManipulationParams
from strata.anatomy.perplexity import Measured, measure
from strata.evidence import MODEL, Measurements
from strata.execution import TracedBatch, traced
from strata.models import blocks
from strata.params import Params, parse
from strata.records import Estimate
from strata.work import side_by_side

Layers = tuple[int, ...]


def study(settings: Params, found: Layers) -> tuple[pd.DataFrame, Measurements]:
    """One row a subject, set of layers and strategy; and what the ledger judges.

    Args:
        found: the redundant layers. On the model each is manipulated alone too, and so are the
            layers that the paper names.
    """
    section = settings.anatomy_manipulation
    sets = {name: [found] for name in subjects.NAMES}
    sets[MODEL] = manipulation.layer_sets(found, section.named)
    units = [(settings, name, layers) for name in sets for layers in sets[name]]
    done = side_by_side(_manipulated, units, section.workers, "manipulate")
    tables, measured = [], {}
    for name in sets:
        bases, results = zip(
            *(each for unit, each in zip(units, done, strict=True) if unit[1] == name), strict=True
        )
        table, estimates = _analysed(bases[0], list(chain(*results)), found, section)
        table.insert(0, "subject", name)
        tables.append(table)
        for key, estimate in estimates.items():
            measured.setdefault(key, {})[name] = estimate
    return pd.concat(tables), measured


def _analysed(
    base: Measured, results: list[Manipulated], found: Layers, section: ManipulationParams
) -> tuple[pd.DataFrame, dict[str, Estimate]]:
    boot = manipulation.changes(results, base, section.resamples, section.seed)
    table = manipulation.result_table(results, boot)
    return table, manipulation.measurements(results, boot, found)


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
