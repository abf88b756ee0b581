"""Leave out each layer, and swap each with its neighbour: which ones does LAMBADA need?

Claims    C-SINGLE (paper C, Fig. 2)
Inputs    the model `painters_model`, LAMBADA from `benchmarks.source`
Outputs   results/<profile>/painters/single_layer.json         what the ledger judges
          results/<profile>/painters/single_layer.csv          a row a subject, change and layer
          results/<profile>/painters/single_layer_items.csv    every item of the model
Cost      laptop: about 1.5 minutes on 2 cores with bfloat16 in hardware, else four; 2 GiB;
          an interrupted run goes on where it stopped; --dry-run says what another profile takes
"""

from functools import partial

from strata import stage
from strata.evidence import MODEL, Evidence
from strata.models import blocks, load
from strata.painters import cost, item_study, single_layer
from strata.painters.item_study import item_scores
from strata.painters.subjects import conditions, subjects
from strata.params import Params
from strata.tasks import load_task
from strata.work import Work

TASK = "lambada_openai"
ITEMS_AT_ONCE = 64  # short ones


def price(settings: Params) -> str:
    section = settings.painters_single_layer
    loaded = load("painters_model", settings, section.dtype)
    plan = list(single_layer.cases(len(blocks(loaded.model))).values())
    tasks = {TASK: load_task(TASK, settings.benchmarks, settings.local)}
    counts = cost.with_nulls(tasks, {TASK: section.items}, section.null_items)
    parts = cost.item_parts(loaded, section, tasks, plan, counts)
    return cost.bill(settings.profile, loaded, parts, cost.swept(loaded, section, plan))


def run(settings: Params) -> None:
    section = settings.painters_single_layer
    evidence = Evidence("painters", settings.profile)
    loaded = load("painters_model", settings, section.dtype)
    depth = len(blocks(loaded.model))
    made = single_layer.cases(depth)
    tasks = {TASK: load_task(TASK, settings.benchmarks, settings.local)}
    work = Work("painters_single_layer", item_study.facts(settings, section, loaded, tasks))
    measure = partial(item_scores, work, {TASK: tasks}, made, section, at_once=ITEMS_AT_ONCE)
    for subject, each in subjects(loaded, section):
        count = section.items if subject == MODEL else section.null_items
        items = measure(subject, each, {TASK: count})
        if subject == MODEL:
            wide = items.pivot(index="item", columns="schedule", values="acc")[list(made)]
            evidence.rows("single_layer_items", wide.astype(int).reset_index())
        table, measured = single_layer.analyse(items, depth, section)
        evidence.rows("single_layer", table, subject=subject)
        evidence.measured(subject, measured)
    about = conditions(settings, loaded, section, tasks) | {
        "metric": "accuracy on lambada_openai",
        "items": {MODEL: section.items, "nulls": section.null_items},
        "first_and_last_layers": single_layer.EDGE,
    }
    evidence.write("single_layer", about)
    work.clear()


if __name__ == "__main__":
    stage.main(__doc__, run, price, shared=True)
