"""What does each layer look like, and does any cheap statistic predict its importance?

Claims    none of the paper's; it asks which statistic could replace ablation
Inputs    the model of 00_models.py, the evaluation text, ablation.csv
Outputs   results/<profile>/anatomy/structure_weights.csv     ranks and norms of every matrix
          results/<profile>/anatomy/structure.csv             a row a subject and layer
          results/<profile>/anatomy/structure_importance.csv  a row a subject and statistic
Cost      laptop: about half a minute on 2 cores

    python src/14_anatomy_structure.py
"""

import sys

import pandas as pd

from strata import nulls, params, paths, records
from strata.anatomy import structure
from strata.models import LoadedModel, ModelError, blocks, load
from strata.params import Params
from strata.text import TextError, batches, read_passages


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    loaded = load("anatomy_model", settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "anatomy_structure.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section = settings.anatomy_structure
    folder = paths.results(settings.profile) / "anatomy"
    tokens = batches(
        read_passages(settings.evaluation_text)[: section.passages],
        loaded.tokenizer,
        section.batch_size,
        settings.evaluation_text.max_tokens,
    )
    ablation = pd.read_csv(folder / "ablation.csv").query("reading == 'neighbour_average'")
    tables: dict[str, dict[str, pd.DataFrame]] = {"weights": {}, "layers": {}, "importance": {}}
    for subject, model in nulls.subjects(loaded.model, section.seed):
        importance = ablation[ablation["subject"] == subject]["change_percent"]
        if subject == nulls.SHUFFLED:
            order = nulls.layer_order(len(blocks(model)), section.seed)
            weights = structure.reordered(tables["weights"][nulls.MODEL], order)
        else:
            weights = structure.weight_structure(model, subject)
        features = structure.layer_features(weights, structure.stream_structure(model, tokens))
        tables["weights"][subject] = weights
        tables["layers"][subject] = features.reset_index()
        tables["importance"][subject] = structure.predict_importance(
            features, importance.to_numpy(), section.resamples, section.seed
        )
    for name, table in tables.items():
        whole = pd.concat(table, names=["subject"]).reset_index("subject").reset_index(drop=True)
        file = "structure.csv" if name == "layers" else f"structure_{name}.csv"
        records.write_csv(folder / file, whole)


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TextError) as error:
        sys.exit(f"14_anatomy_structure.py: {error}")
