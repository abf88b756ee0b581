"""Run an encoder under every variant on GLUE, frozen (two readouts) and fine-tuned: what holds?

Claims    C-BERT and the C-BERT-... and C-FROZEN-... orderings (paper C, lower panels of Figs 4 to 9
          and 11, the appendix with a frozen encoder, and a released number)
Inputs    the model `painters_encoder`; authored tasks, local files or the hub's GLUE
Outputs   results/<profile>/painters/glue.json                    what the ledger judges
          results/<profile>/painters/glue.csv                     the average: subject, variant, M
          results/<profile>/painters/glue_tasks.csv               the same by task and metric
          results/<profile>/painters/glue_items.csv               every item, frozen encoder
          results/<profile>/painters/glue_items_converged.csv     the same by a converged readout
          results/<profile>/painters/glue_items_finetuned.csv     every item, fine-tuned
Cost      laptop: two to three minutes on 2 cores, 2 GiB; an interrupted run goes on;
          --dry-run prices a profile
"""

from functools import partial

from strata import stage
from strata.evidence import MODEL, Evidence
from strata.models import LoadedModel, arithmetic, blocks, load
from strata.painters import cost, glue_cost, glue_scores, glue_study
from strata.painters.glue_study import READINGS, Measured
from strata.params import Params
from strata.work import Work

RELEASED = "rte.skip_s9.accuracy"


def price(settings: Params) -> str:
    section = settings.painters_glue
    loaded = load("painters_encoder", settings)
    found = glue_cost.parts(loaded, section, partial(glue_study.read_all, section, settings.local))
    return cost.bill(settings.profile, loaded, found)


def run(settings: Params) -> None:
    section = settings.painters_glue
    evidence = Evidence("painters", settings.profile, keys=every_key())
    loaded = load("painters_encoder", settings)
    read = partial(glue_study.read_all, section, settings.local)
    facts = {
        "params": section.model_dump(mode="json"),
        "model": loaded.provenance,
        "device": loaded.model.device.type,
        "data": {task: data.facts for task, data in read().items()},
    }
    work = Work("painters_glue", facts)
    found = list(glue_study.study(loaded, section, read, work))
    own = {each.reading: each for each in found if each.subject == MODEL}
    depth = len(blocks(loaded.model))
    for each in found:
        trained = own[each.reading].average.full
        full = trained if each.subject == MODEL else trained[:1]
        measured = glue_scores.measurements(each.average, full, each.guess, depth)
        measured |= glue_scores.beats_full(each.scores, each.cases, each.learned)
        measured |= glue_study.above_guessing(each)
        evidence.measured(each.subject, {f"{each.reading}.{k}": e for k, e in measured.items()})
        named = {"subject": each.subject, "reading": each.reading}
        evidence.rows("glue", glue_scores.table(each.average), **named)
        evidence.rows("glue_tasks", glue_study.by_metric(each), **named)
    tuned = own["finetuned"]
    by_task = {task: scores.mean for task, scores in tuned.scores.items()}
    number = glue_scores.released(tuned.cases, by_task, loaded.provenance)
    if number is not None:
        evidence.measured(MODEL, {RELEASED: number})
    evidence.rows("glue_items", glue_study.items(own["frozen"], section.frozen.seeds))
    evidence.rows("glue_items_converged", glue_study.items(own["converged"]))
    tuned_items = glue_study.items(tuned, section.finetuned.seeds)
    evidence.rows("glue_items_finetuned", tuned_items)
    evidence.write("glue", about(settings, loaded, found))
    work.clear()


def every_key() -> list[str]:
    """Every measurement that a sufficient choice of variants gives, by every reading."""
    return [f"{reading}.{key}" for reading in READINGS for key in glue_scores.every_key()] + [
        RELEASED
    ]


def about(settings: Params, loaded: LoadedModel, found: list[Measured]) -> dict[str, object]:
    section = settings.painters_glue
    dtype = arithmetic(section.dtype, loaded.model.device.type)
    return {
        "model": loaded.provenance["name"],
        "layers": loaded.model.config.num_hidden_layers,
        "dtype": dtype,
        "source": section.source,
        "max_tokens": section.max_tokens,
        "pooling": section.pooling,
        "affected": section.affected,
        "random_orders": section.orders,
        "loops": section.loops,
        "data": {f"{e.subject}.{e.reading}": glue_study.describe(e) for e in found},
        "full_score": {f"{e.subject}.{e.reading}": glue_study.full_scores(e) for e in found},
        "guess": {f"{e.subject}.{e.reading}": e.guess for e in found},
        "learned": {e.reading: e.learned for e in found if e.subject == MODEL},
        "training": {
            reading: getattr(section, reading).model_dump(
                include={"epochs", "learning_rate", "batch_size", "seeds"}
            )
            for reading in ("frozen", "finetuned")
        },
        "readout": "converged: ridge regression on standardised features, strength by the least "
        "leave-one-out error on the training rows",
        "metric": "mean over the tasks learned, not normalised, of the mean of a task's GLUE "
        "metrics; learned: the full model is 0.05 above guessing with its whole interval",
        "interval": f"95%, bootstrap over items and t over seeds, {section.resamples} resamples, "
        "paired",
        "seed": section.seed,
    }


if __name__ == "__main__":
    stage.main(__doc__, run, price, shared=True)
