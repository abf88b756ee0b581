"""Leave out each layer, and swap each with its neighbour: which ones does LAMBADA need?

Claims    C-SINGLE (paper C, Fig. 2)
Inputs    the model `painters_model`, LAMBADA from `benchmarks.source`
Outputs   results/<profile>/painters/single_layer.json         what the ledger judges
          results/<profile>/painters/single_layer.csv          a row a subject, change and layer
          results/<profile>/painters/single_layer_items.csv    every item of the model
Cost      laptop: about 1.5 minutes on 2 cores with bfloat16 in hardware, else four; 2 GiB;
          --dry-run says what another profile takes

    python src/31_painters_single_layer.py
"""

import sys

import pandas as pd

from strata import params, paths, records
from strata.models import LoadedModel, ModelError, blocks, load
from strata.nulls import MODEL
from strata.painters import single_layer
from strata.painters.cost import Cost, dry_run
from strata.painters.harness import SweepLM, per_item
from strata.painters.subjects import conditions, subjects
from strata.params import Params
from strata.tasks import TaskError, load_task

TASK = "lambada_openai"


def main() -> None:
    settings, dry = params.with_dry_run(__doc__)
    section = settings.painters_single_layer
    if dry:
        dry_run(
            settings,
            lambda T: Cost(list(single_layer.cases(T).values()), {TASK: section.items}, section),
        )
        return
    folder = paths.results(settings.profile)
    loaded = load("painters_model", settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "painters_single_layer.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.painters_single_layer
    folder = paths.results(settings.profile) / "painters"
    depth = len(blocks(loaded.model))
    made = single_layer.cases(depth)
    tasks = {TASK: load_task(TASK, settings.benchmarks, settings.local)}
    tables, judged = {}, {}
    for subject, each in subjects(loaded, section):
        count = section.items if subject == MODEL else section.null_items
        lm = SweepLM(each, list(made.values()), section.batch_size, section.memory_gib)
        items = per_item(tasks, lm, list(made), range(count))
        if subject == MODEL:
            wide = items.pivot(index="item", columns="schedule", values="acc")[list(made)]
            records.write_csv(folder / "single_layer_items.csv", wide.astype(int).reset_index())
        tables[subject], measured = single_layer.analyse(items, depth, section)
        for key, estimate in measured.items():
            judged.setdefault(key, {})[subject] = estimate
    table = pd.concat(tables, names=["subject"]).reset_index("subject")
    records.write_csv(folder / "single_layer.csv", table)
    about = conditions(settings, loaded, section, tasks) | {
        "metric": "accuracy on lambada_openai",
        "items": {MODEL: section.items, "nulls": section.null_items},
        "first_and_last_layers": single_layer.EDGE,
    }
    records.write_measurements(folder / "single_layer.json", about, judged)


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TaskError) as error:
        sys.exit(f"31_painters_single_layer.py: {error}")
