"""Tamper with redundant layers in six ways: which keep the model usable?

Claims    A-SCALE (paper A, manipulation of redundant layers)
Inputs    the model of 00_models.py, the evaluation text, ablation.csv
Outputs   results/<profile>/anatomy/manipulation.json   what the ledger judges
          results/<profile>/anatomy/manipulation.csv    a row a subject, set of layers and strategy
Cost      laptop: about a minute on 2 cores
"""

from strata import stage
from strata.anatomy import manipulation, subjects
from strata.anatomy.importance import existing, importance
from strata.anatomy.manipulation_study import study
from strata.evidence import MODEL, Evidence
from strata.models import blocks
from strata.params import Params


def run(settings: Params) -> None:
    section = settings.anatomy_manipulation
    evidence = Evidence("anatomy", settings.profile)
    depth = len(blocks(subjects.loaded(settings).model))
    existing("anatomy_manipulation.named", section.named, depth)
    costs = importance(evidence, depth)[MODEL]
    found = manipulation.redundant(costs.to_list(), section.redundant)
    for subject, table, measured in study(settings, found):
        evidence.rows("manipulation", table, subject=subject)
        evidence.measured(subject, measured)
    about = subjects.conditions(settings) | {
        "max_tokens": settings.evaluation_text.max_tokens,
        "metric": "perplexity: exp(nats per token over all passages); changes in %",
        "redundant_layers": list(found),
        "named_layers": list(section.named),
        "scaled": "all matrices of the layer by alpha; scaled_output: its two output projections",
        "passages": {"model": section.passages, "nulls": section.null_passages},
        "interval": f"95% bootstrap over passages, {section.resamples} resamples, paired",
        "seed": section.seed,
    }
    evidence.write("manipulation", about)


if __name__ == "__main__":
    stage.main(__doc__, run)
