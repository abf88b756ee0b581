"""What does each layer look like, and does any cheap statistic predict its importance?

Claims    none of the paper's; it asks which statistic could replace ablation
Inputs    the model of 00_models.py, the evaluation text, ablation.csv
Outputs   results/<profile>/anatomy/structure_weights.csv     ranks and norms of every matrix
          results/<profile>/anatomy/structure.csv             a row a subject and layer
          results/<profile>/anatomy/structure_importance.csv  a row a subject and statistic
Cost      laptop: about half a minute on 2 cores
"""

from strata import nulls, stage
from strata.anatomy import structure, subjects
from strata.anatomy.importance import importance
from strata.evidence import MODEL, SHUFFLED, Evidence
from strata.models import blocks
from strata.params import Params


def run(settings: Params) -> None:
    section = settings.anatomy_structure
    evidence = Evidence("anatomy", settings.profile)
    tokens = subjects.token_batches(settings, section.passages, section.batch_size)
    whole = subjects.loaded(settings).model
    costs = importance(evidence, len(blocks(whole)))
    for subject, model in nulls.subjects(whole, section.seed):
        if subject == MODEL:
            weights = trained = structure.weight_structure(model, subject)
        elif subject == SHUFFLED:
            order = nulls.layer_order(len(blocks(model)), section.seed)
            weights = structure.reordered(trained, order)
        else:
            weights = structure.weight_structure(model, subject)
        features = structure.layer_features(weights, structure.stream_structure(model, tokens))
        predicted = structure.predict_importance(
            features, costs[subject].to_numpy(), section.resamples, section.seed
        )
        for name, table in (
            ("structure_weights", weights),
            ("structure", features.reset_index()),
            ("structure_importance", predicted),
        ):
            evidence.rows(name, table, subject=subject)
    evidence.write_tables()


if __name__ == "__main__":
    stage.main(__doc__, run)
