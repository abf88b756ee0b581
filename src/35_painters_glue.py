"""Run an encoder under every variant on GLUE, frozen and fine-tuned: do the orderings hold?

Claims    C-BERT and the C-BERT-... and C-FROZEN-... orderings (paper C, lower panels of Figs 4 to 9
          and 11, the appendix with a frozen encoder, and a released number)
Inputs    the model `painters_encoder`; authored tasks, local files or the hub's GLUE
Outputs   results/<profile>/painters/glue.json                    what the ledger judges
          results/<profile>/painters/glue.csv                     the average: subject, variant, M
          results/<profile>/painters/glue_tasks.csv               the same by task and metric
          results/<profile>/painters/glue_items.csv               every item, frozen encoder
          results/<profile>/painters/glue_items_finetuned.csv     every item, fine-tuned
Cost      laptop: two to three minutes on 2 cores, 2 GiB; an interrupted run goes on

    python src/35_painters_glue.py
"""

import sys

import pandas as pd

from strata import params, paths, records
from strata.models import LoadedModel, ModelError, blocks, load
from strata.nulls import MODEL
from strata.painters import glue_scores, glue_study
from strata.painters.glue_study import READINGS, Measured
from strata.painters.subjects import arithmetic
from strata.params import Params
from strata.schedules import ScheduleError
from strata.tasks import TaskError
from strata.work import Work


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    loaded = load("painters_encoder", settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "painters_glue.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.painters_glue
    folder = paths.results(settings.profile) / "painters"
    facts = {
        "params": section.model_dump(mode="json"),
        "model": loaded.provenance,
        "device": loaded.model.device.type,
        "data": {task: data.facts for task, data in glue_study.read_all(section).items()},
    }
    work = Work("painters_glue", facts)
    found = list(glue_study.study(loaded, section, work))
    own = {each.reading: each for each in found if each.subject == MODEL}
    judged = {key: {} for reading in READINGS for key in keys(reading)}
    depth = len(blocks(loaded.model))
    for each in found:
        trained = own[each.reading].average.full
        full = trained if each.subject == MODEL else trained[:1]
        measured = glue_scores.measurements(each.average, full, each.guess, depth)
        for key, estimate in measured.items():
            judged[f"{each.reading}.{key}"][each.subject] = estimate
    tuned = own["finetuned"]
    by_task = {task: scores.mean for task, scores in tuned.scores.items()}
    number = glue_scores.released(tuned.cases, by_task, loaded.provenance)
    judged["rte.skip_s9.accuracy"] = {} if number is None else {MODEL: number}

    averages = [glue_scores.table(each.average) for each in found]
    records.write_csv(folder / "glue.csv", joined(found, averages))
    records.write_csv(folder / "glue_tasks.csv", joined(found, map(glue_study.by_metric, found)))
    for name, reading in (("glue_items", "frozen"), ("glue_items_finetuned", "finetuned")):
        seeds = getattr(section, reading).seeds
        records.write_csv(folder / f"{name}.csv", glue_study.items(own[reading], seeds))
    records.write_measurements(folder / "glue.json", about(settings, loaded, found), judged)
    work.clear()


def keys(reading: str) -> list[str]:
    return [f"{reading}.{key}" for key in glue_scores.every_key()]


def joined(found: list[Measured], tables: object) -> pd.DataFrame:
    """Tables of all subjects and readings, named in two columns."""
    named = {(each.subject, each.reading): part for each, part in zip(found, tables, strict=True)}
    whole = pd.concat(named, names=["subject", "reading"])
    return whole.reset_index([0, 1]).reset_index(drop=True)


def about(settings: Params, loaded: LoadedModel, found: list[Measured]) -> dict[str, object]:
    section = settings.painters_glue
    dtype = arithmetic(section.dtype, loaded.model.device)
    return {
        "model": loaded.provenance["name"],
        "layers": loaded.model.config.num_hidden_layers,
        "dtype": {"frozen": dtype, "finetuned": "float32"},
        "source": section.source,
        "max_tokens": section.max_tokens,
        "pooling": section.pooling,
        "affected": section.affected,
        "random_orders": section.orders,
        "loops": section.loops,
        "data": {f"{e.subject}.{e.reading}": glue_study.describe(e) for e in found},
        "full_score": {f"{e.subject}.{e.reading}": glue_study.full_scores(e) for e in found},
        "guess": {f"{e.subject}.{e.reading}": e.guess for e in found},
        "training": {
            reading: getattr(section, reading).model_dump(
                include={"epochs", "learning_rate", "batch_size", "seeds"}
            )
            for reading in READINGS
        },
        "metric": "mean over tasks, not normalised, of the mean of a task's GLUE metrics",
        "interval": f"95% percentile bootstrap over items and seeds, {section.resamples} "
        f"resamples, paired",
        "seed": section.seed,
    }


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TaskError, ScheduleError) as error:
        sys.exit(f"35_painters_glue.py: {error}")
