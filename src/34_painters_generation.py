"""Generate with a faithful cache and with the released one: is "except for maths" about maths?

Claims    C-GSM8K, C-MATHS (paper C, Fig. 8 and section 3.6)
Inputs    the model `painters_model`, GSM8K or the authored arithmetic set, the items of
          32_painters_variants.py
Outputs   results/<profile>/painters/generation.json         what the ledger judges
          results/<profile>/painters/generation.csv          a row a case: accuracy, agreement
          results/<profile>/painters/generation_items.csv    every item under every case
Cost      laptop: about two minutes on 2 cores, 2 GiB; --dry-run says what another profile takes
"""

import pandas as pd
from lm_eval.api.task import ConfigurableTask
from tqdm import tqdm

from strata import stage
from strata.evidence import Evidence
from strata.execution import seconds
from strata.models import blocks, load
from strata.painters import cost, generation
from strata.painters.subjects import conditions
from strata.params import Params
from strata.results import read_table
from strata.tasks import load_task

TASK = "gsm8k"


def price(settings: Params) -> str:
    section = settings.painters_generation
    loaded = load("painters_model", settings, section.dtype)
    task, T = asked(settings), len(blocks(loaded.model))
    made = generation.cases(T, section)
    generated = lambda count: generation.generate(
        loaded, task, made[0], section.model_copy(update={"items": count})
    )
    items = min(section.items, len(task.eval_docs))
    most = min(items, section.batch_size)
    count = cost.affordable(generated, most, cost.PROBE_SECONDS / 3)
    visits = sum(len(case.schedule.visits) for case in made)
    of_item = visits / T * seconds(generated, count) / count
    return cost.bill(settings.profile, loaded, [cost.Part(TASK, items, of_item)])


def asked(settings: Params) -> ConfigurableTask:
    """The problems, with as many examples and as long an answer as are set."""
    section = settings.painters_generation
    task = load_task(TASK, settings.benchmarks, settings.local)
    task.set_config("num_fewshot", section.shots)
    task.set_config("generation_kwargs", {"max_gen_toks": section.max_new_tokens}, update=True)
    return task


def run(settings: Params) -> None:
    section = settings.painters_generation
    evidence = Evidence("painters", settings.profile)
    loaded = load("painters_model", settings, section.dtype)
    variant_items = read_table(evidence.folder / "variants_items.csv", "item")
    generation.check_measured(variant_items, section)
    task = asked(settings)
    made = generation.cases(len(blocks(loaded.model)), section)
    found = {
        case.name: generation.generate(loaded, task, case, section)
        for case in tqdm(made, desc="generate", mininterval=5)
    }
    items = pd.concat([generated.items for generated in found.values()], ignore_index=True)
    one_pass = {name: generated.one_pass for name, generated in found.items()}
    agreements = {
        f"{case.variant}.M{case.affected}": generation.agreement(
            found[case.name].continuations,
            found[case.name.replace("averaged", "per_visit")].continuations,
        )
        for case in made
        if case.kv == "averaged"
    }
    evidence.rows("generation_items", items)
    evidence.rows("generation", generation.case_table(items, made, one_pass, agreements, section))
    about = conditions(settings, loaded, section, {TASK: task})
    about |= {
        "interval": f"{about['interval']}; parallel_kept, looped_parallel_kept: 95%, from the "
        "Wilson intervals of both accuracies",
        "metric": "exact match, last number in the answer (flexible); greedy",
        "items": int(items["item"].nunique()),
        "max_new_tokens": section.max_new_tokens,
        "affected": section.affected,
        "loops": section.loops,
        "subjects": "model: one cache slot a layer visit; as_published: averaged keys and values",
    }
    semantic = generation.semantic_kept(variant_items, section)
    evidence.add(generation.measurements(items, agreements, one_pass, semantic, section))
    evidence.write("generation", about)


if __name__ == "__main__":
    stage.main(__doc__, run, price)
