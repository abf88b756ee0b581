"""Feed the parallel block's mean back again and again: how many passes are best, for which size?

Claims    C-LOOPS (paper C, Fig. 10)
Inputs    the model `painters_model`, the benchmarks
Outputs   results/<profile>/painters/loops.json        what the ledger judges
          results/<profile>/painters/loops.csv         normalised median: subject, M, passes
          results/<profile>/painters/loops_best.csv    the best number of passes: subject, M
Cost      laptop: about 1.5 minutes on 2 cores with bfloat16 in hardware, else four; 2 GiB;
          an interrupted run goes on where it stopped; --dry-run says what another profile takes
"""

from functools import partial

from strata import stage
from strata.evidence import MODEL, Evidence
from strata.models import blocks, load
from strata.painters import cost, item_study, loops
from strata.painters.scores import above_guessing, guesses, left_out
from strata.painters.subjects import conditions, likelihood_tasks, subjects
from strata.params import Params
from strata.work import Work


def price(settings: Params) -> str:
    section = settings.painters_loops
    loaded = load("painters_model", settings, section.dtype)
    plan = list(loops.cases(len(blocks(loaded.model)), section).values())
    tasks = likelihood_tasks(settings)
    counts = cost.with_nulls(tasks, dict.fromkeys(tasks, section.items), section.null_items)
    parts = cost.item_parts(loaded, section, tasks, plan, counts)
    return cost.bill(settings.profile, loaded, parts, cost.swept(loaded, section, plan))


def run(settings: Params) -> None:
    section = settings.painters_loops
    evidence = Evidence("painters", settings.profile)
    loaded = load("painters_model", settings, section.dtype)
    depth = len(blocks(loaded.model))
    made = loops.cases(depth, section)
    tasks = likelihood_tasks(settings)
    work = Work("painters_loops", item_study.facts(settings, section, loaded, tasks))
    measure = partial(item_study.item_scores, work, {"tasks": tasks}, made, section)
    for subject, each in subjects(loaded, section):
        count = section.items if subject == MODEL else section.null_items
        items = measure(subject, each, dict.fromkeys(tasks, count))
        if subject == MODEL:
            own, full = items, loops.full_accuracy(items, section)
        reference = full if subject == MODEL else full[..., :1]
        table, best, measured = loops.analyse(items, reference, depth, section)
        evidence.rows("loops", table, subject=subject)
        evidence.rows("loops_best", best, subject=subject)
        evidence.measured(subject, measured)
        own_full = loops.full_accuracy(items, section)
        evidence.measured(subject, above_guessing(guesses(items), own_full))
    about = conditions(settings, loaded, section, tasks) | {
        "metric": "median over tasks of acc, guessing 0 and the trained full model 1",
        "left_out": left_out(guesses(own), full),
        "items": own.groupby("task")["item"].nunique().to_dict(),
        "null_items": section.null_items,
        "affected": section.affected,
        "most_loops": section.most_loops,
    }
    evidence.write("loops", about)
    work.clear()


if __name__ == "__main__":
    stage.main(__doc__, run, price, shared=True)
