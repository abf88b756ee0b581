"""Run every variant over the number of affected layers on every task: how gracefully does it go?

Claims    C-SKIP, C-REPEAT, C-REVERSE, C-RANDOM, C-PARALLEL, C-LOOPED, C-WORST, C-TASKS, C-LLAMA
          (paper C, Figs 4 to 9 and 11, section 3.6, and a released number)
Inputs    the model `painters_model`, the benchmarks
Outputs   results/<profile>/painters/variants.json          what the ledger judges
          results/<profile>/painters/variants.csv           normalised median: subject, variant, M
          results/<profile>/painters/variants_tasks.csv     accuracy of the model by task
          results/<profile>/painters/variants_items.csv     every item of the model
          results/<profile>/painters/released.json          the released number, on its own model
Cost      laptop: about two minutes on 2 cores with bfloat16 in hardware, else four; 2 GiB;
          an interrupted run goes on where it stopped, 32 items at a time; --dry-run prices a
          profile
"""

from functools import partial

from strata import stage
from strata.evidence import MODEL, Evidence
from strata.models import blocks, load
from strata.painters import cost, item_study, variants
from strata.painters.scores import above_guessing, guesses, left_out
from strata.painters.subjects import conditions, likelihood_tasks, subjects
from strata.params import Params
from strata.work import Work


def price(settings: Params) -> str:
    section = settings.painters_variants
    loaded = load("painters_model", settings, section.dtype)
    plan = [case.schedule for case in variants.cases(len(blocks(loaded.model)), section)]
    tasks = likelihood_tasks(settings)
    own = {task: section.count(task) for task in tasks}
    counts = cost.with_nulls(tasks, own, section.null_items)
    half = cost.PROBE_SECONDS / 2
    parts = cost.item_parts(loaded, section, tasks, plan, counts, half)
    if loaded.provenance["dtype"] != "float32":
        exact, few = load("painters_model", settings), dict.fromkeys(tasks, section.noise_items)
        again = cost.item_parts(exact, section, tasks, plan, few, half)
        parts += [part._replace(name=f"{part.name}, fp32") for part in again]
    return cost.bill(settings.profile, loaded, parts, cost.swept(loaded, section, plan))


def run(settings: Params) -> None:
    section = settings.painters_variants
    evidence = Evidence("painters", settings.profile, keys=variants.OPTIONAL)
    loaded = load("painters_model", settings, section.dtype)
    made = variants.cases(len(blocks(loaded.model)), section)
    tasks = likelihood_tasks(settings)
    work = Work("painters_variants", item_study.facts(settings, section, loaded, tasks))
    one_by_one = {name: {name: task} for name, task in tasks.items()}
    plan = {case.name: case.schedule for case in made}
    measure = partial(item_study.item_scores, work, one_by_one, plan, section)
    asked = {task: section.count(task) for task in tasks}
    null_asked = dict.fromkeys(tasks, section.null_items)
    for subject, each in subjects(loaded, section):
        items = measure(subject, each, asked if subject == MODEL else null_asked)
        if subject == MODEL:
            own, full = items, variants.full_accuracy(items, section)
            full_norm = variants.full_accuracy(variants.by_acc_norm(items), section)
            evidence.rows("variants_items", variants.wide(own, made))
        reference = full if subject == MODEL else full[..., :1]
        found = variants.curves(items, made, reference, section)
        median, by_task = variants.tables(found)
        evidence.rows("variants", median, subject=subject)
        if subject == MODEL:
            evidence.rows("variants_tasks", by_task)
        own_full = variants.full_accuracy(items, section)
        evidence.measured(subject, variants.measurements(found) | variants.all_tasks(found))
        evidence.measured(subject, above_guessing(guesses(items), own_full))
        reference = full_norm if subject == MODEL else full_norm[..., :1]
        by_norm = variants.curves(variants.by_acc_norm(items), made, reference, section)
        keys = variants.measurements(by_norm).items()
        evidence.measured(subject, {f"acc_norm.{key}": each for key, each in keys})
    about = conditions(settings, loaded, section, tasks) | {
        "metric": "acc; guessing 0 and the trained full model 1; tasks left_out: it guesses there; "
        "acc_norm: the same by acc_norm where a task has it",
        "items": own.groupby("task")["item"].nunique().to_dict(),
        "null_items": section.null_items,
        "affected": section.affected,
        "random_orders": section.orders,
        "loops": section.loops,
        "full_accuracy": dict(zip(tasks, full[:, 0, 0].tolist(), strict=True)),
        "left_out": left_out(guesses(own), full),
        "arithmetic_noise": None,
    }
    record = loaded.provenance
    if record["dtype"] != "float32":
        del loaded, each  # the model in float32 has their memory
        few = dict.fromkeys(tasks, section.noise_items)
        exact = measure("float32", load("painters_model", settings), few)
        about["arithmetic_noise"] = variants.noise(own, exact)
    evidence.write("variants", about)
    released = Evidence("painters", settings.profile)
    released.add(variants.released(own, record, section))
    released.write("released", about)
    work.clear()


if __name__ == "__main__":
    stage.main(__doc__, run, price, shared=True)
