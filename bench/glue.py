"""Classifiers on a frozen encoder: features once a schedule against refitting through the encoder.

The same classifiers, seeds, order of rows and metric; one task, every schedule of paper C. Writes
results/bench/glue.json.
"""

import numpy as np
import torch
from timing import threads, timed
from tqdm import tqdm

from strata import params, paths, profiles, records
from strata.execution import scheduled
from strata.models import LoadedModel, blocks, load
from strata.painters import classifiers, glue_scores
from strata.painters.encoder import encoded, pooled
from strata.painters.glue_scores import Predictions
from strata.painters.glue_study import frozen_answers
from strata.painters.params import GlueParams
from strata.painters.variants import Case, cases
from strata.params.benchmarks import GlueItems
from strata.tasks.glue import GLUE, GlueData, read_glue

TASK = "sst2"
ITEMS = GlueItems(train=96, validation=48)
TARGET = 5.0
TARGET_DIFFERENCE = 1e-6


def main() -> None:
    settings = params.compose(profiles.base())
    section, loaded = settings.painters_glue, load("painters_encoder", settings)
    data = read_glue(TASK, section, ITEMS, settings.local)
    made = cases(len(blocks(loaded.model)), section)
    frozen_answers(loaded, made[:1], TASK, data, section)  # warm-up
    file = paths.ROOT / "results" / "bench" / "glue.json"
    with records.provenance(file.with_name("glue_machine.json"), threads):
        once, once_seconds = timed(
            lambda: frozen_answers(loaded, made, TASK, data, section).numpy()
        )
        again, again_seconds = timed(lambda: refitted(loaded, made, data, section))
    scores = [
        glue_scores.scores(TASK, Predictions(data.validation.labels_N, each), 1, 0).mean[:, 0]
        for each in (once, again)
    ]
    result = {
        "model": loaded.provenance["name"],
        "task": TASK,
        "items": ITEMS.model_dump(),
        "schedules": len(made),
        "epochs": section.frozen.epochs,
        "seeds": len(section.frozen.seeds),
        "seconds": {"features_once": once_seconds, "through_the_encoder": again_seconds},
        "ratio": again_seconds / once_seconds,
        "target_ratio": TARGET,
        "metric": GLUE[TASK].metrics,
        "largest_difference_of_metric": float(np.abs(scores[0] - scores[1]).max()),
        "target_difference": TARGET_DIFFERENCE,
        "answers_that_differ": int((once != again).sum()),
    }
    records.write_json(file, result)
    print(file.read_text(encoding="utf-8"))


def refitted(
    loaded: LoadedModel, made: list[Case], data: GlueData, section: GlueParams
) -> np.ndarray:
    """Every classifier with the encoder run again for every batch: (cases, seeds, N)."""
    labels_N, outputs = torch.as_tensor(data.train.labels_N), GLUE[TASK].labels

    @torch.no_grad()
    def read(texts: list[tuple[str, ...]], rows: torch.Tensor) -> torch.Tensor:
        batch = encoded(texts, rows.tolist(), loaded.tokenizer, section.max_tokens)
        hidden_BxLxD = loaded.model(
            batch.ids_BxL, attention_mask=batch.mask_BxL, token_type_ids=batch.segments_BxL
        ).last_hidden_state
        return pooled(loaded.model, hidden_BxLxD, batch.mask_BxL, section.pooling)[None]

    answers = []
    for case in tqdm(made, "through the encoder"):
        with scheduled(loaded.model, case.schedule):
            for seed in section.frozen.seeds:
                heads = classifiers.trained(
                    lambda rows: read(data.train.texts, rows),
                    labels_N,
                    outputs,
                    section.frozen,
                    seed,
                )
                parts = torch.arange(len(data.validation.texts)).split(section.batch_size)
                found = torch.cat([read(data.validation.texts, rows) for rows in parts], dim=1)
                answers.append(classifiers.predictions(heads, found)[0])
    return torch.stack(answers).reshape(len(made), len(section.frozen.seeds), -1).numpy()


if __name__ == "__main__":
    main()
