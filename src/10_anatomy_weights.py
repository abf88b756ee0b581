"""How predictable are weights across layers, and does a model run on predicted ones?

Claims    A-R2, A-DELTA, A-PRED1, A-PRED9 (paper A, weight prediction)
Inputs    the model of 00_models.py, the evaluation text
Outputs   results/<profile>/anatomy/weights.json             what the ledger judges
          results/<profile>/anatomy/weights.csv              a row a parameter, reading and subject
          results/<profile>/anatomy/weights_functional.csv   perplexity on predicted layers
Cost      laptop: about a minute on 2 cores, 4 GiB in three processes

    python src/10_anatomy_weights.py
"""

import sys

from strata import params, paths, records
from strata.anatomy import subjects
from strata.anatomy import weights_study as study
from strata.anatomy.weights import WeightsError
from strata.models import LoadedModel, ModelError
from strata.params import Params
from strata.text import TextError


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    loaded = subjects.loaded(settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "anatomy_weights.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    folder = paths.results(settings.profile) / "anatomy"
    table = study.readings(settings)
    functional = study.predictions(settings)
    judged = study.judged_readings(table) | study.judged_predictions(functional)
    records.write_csv(folder / "weights.csv", table)
    records.write_csv(folder / "weights_functional.csv", functional)
    records.write_measurements(folder / "weights.json", conditions(settings, loaded), judged)


def conditions(settings: Params, loaded: LoadedModel) -> dict[str, object]:
    """What every number was measured under."""
    section = settings.anatomy_weights
    return {
        "model": loaded.provenance["name"],
        "dtype": loaded.provenance["dtype"],
        "text": settings.evaluation_text.title,
        "bos": "none; a passage's first token is not scored",
        "passages": {"model": section.passages, "nulls": section.null_passages},
        "r2": "1 - squared error / squares about the layer's own mean; mean over layers",
        "interval": "weights: 95% bootstrap over layers; predicted layers: least to greatest "
        "over the choices of layers",
        "seed": section.seed,
    }


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TextError, WeightsError, ValueError) as error:
        sys.exit(f"10_anatomy_weights.py: {error}")
