"""How predictable are weights across layers, and does a model run on predicted ones?

Claims    A-R2, A-DELTA, A-PRED1, A-PRED9 (paper A, weight prediction)
Inputs    the model of 00_models.py, the evaluation text
Outputs   results/<profile>/anatomy/weights.json             what the ledger judges
          results/<profile>/anatomy/weights.csv              a row a parameter, reading and subject
          results/<profile>/anatomy/weights_functional.csv   perplexity on predicted layers
Cost      laptop: about a minute on 2 cores, 4 GiB in three processes
"""

from strata import stage
from strata.anatomy import subjects
from strata.anatomy import weights_study as study
from strata.evidence import Evidence
from strata.params import Params


def run(settings: Params) -> None:
    section = settings.anatomy_weights
    evidence = Evidence("anatomy", settings.profile)
    table = study.readings(settings)
    functional = study.predictions(settings)
    evidence.rows("weights", table)
    evidence.rows("weights_functional", functional)
    evidence.add(study.measured_readings(table), study.measured_predictions(functional))
    about = subjects.conditions(settings) | {
        "passages": {"model": section.passages, "nulls": section.null_passages},
        "r2": "1 - squared error / squares about the layer's own mean; mean over layers",
        "interval": "weights: 95% bootstrap over layers; predicted layers: least to greatest "
        "over the choices of layers",
        "seed": section.seed,
    }
    evidence.write("weights", about)


if __name__ == "__main__":
    stage.main(__doc__, run)
