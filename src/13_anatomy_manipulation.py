"""Tamper with redundant layers in six ways: which keep the model usable?

Claims    A-SCALE (paper A, manipulation of redundant layers)
Inputs    the model of 00_models.py, the evaluation text, ablation.csv
Outputs   results/<profile>/anatomy/manipulation.json   what the ledger judges
          results/<profile>/anatomy/manipulation.csv    a row a subject, set of layers and strategy
Cost      laptop: about a minute on 2 cores

    python src/13_anatomy_manipulation.py
"""

import sys

import pandas as pd

from strata import params, paths, records
from strata.anatomy import manipulation, subjects
from strata.anatomy.manipulation_study import study
from strata.models import LoadedModel, ModelError
from strata.params import Params
from strata.surgery import SurgeryError
from strata.text import TextError


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    loaded = subjects.loaded(settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "anatomy_manipulation.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.anatomy_manipulation
    folder = paths.results(settings.profile) / "anatomy"
    ablation = pd.read_csv(folder / "ablation.csv")
    ablation = ablation.query("subject == 'model' and reading == 'neighbour_average'")
    found = manipulation.redundant(ablation["change_percent"].to_list(), section.redundant)
    table, judged = study(settings, found)
    records.write_csv(folder / "manipulation.csv", table)
    about = conditions(settings, loaded, found)
    records.write_measurements(folder / "manipulation.json", about, judged)


def conditions(settings: Params, loaded: LoadedModel, found: tuple[int, ...]) -> dict[str, object]:
    """What every number was measured under."""
    section = settings.anatomy_manipulation
    return {
        "model": loaded.provenance["name"],
        "dtype": loaded.provenance["dtype"],
        "text": settings.evaluation_text.title,
        "max_tokens": settings.evaluation_text.max_tokens,
        "metric": "perplexity: exp(nats per token over all passages); changes in %",
        "bos": "none; a passage's first token is not scored",
        "redundant_layers": list(found),
        "named_layers": list(section.named),
        "scaled": "all matrices of the layer by alpha; scaled_output: its two output projections",
        "passages": {"model": section.passages, "nulls": section.null_passages},
        "interval": f"95% bootstrap over passages, {section.resamples} resamples, paired",
        "seed": section.seed,
    }


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TextError, SurgeryError) as error:
        sys.exit(f"13_anatomy_manipulation.py: {error}")
