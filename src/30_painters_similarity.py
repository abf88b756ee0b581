"""Compare the hidden states of all depths under five measures: three classes, or attention sinks?

Claims    C-SIM (paper C, Fig. 3)
Inputs    the model `painters_model`, the evaluation text
Outputs   results/<profile>/painters/similarity.json     what the ledger judges
          results/<profile>/painters/similarity.csv      a row a subject, measure and pair of states
          results/<profile>/painters/token_norms.csv     norms of the first and the other tokens
Cost      laptop: about half a minute on 2 cores, 3 GiB

    python src/30_painters_similarity.py
"""

import sys

import numpy as np
import pandas as pd

from strata import nulls, params, paths, records
from strata.models import LoadedModel, ModelError, load
from strata.nulls import MODEL
from strata.painters import similarity
from strata.params import Params
from strata.text import TextError, batches, read_passages

AS_PUBLISHED = "as_published"
FAITHFUL = "without_first_token"


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    loaded = load("painters_model", settings)
    device = str(loaded.model.device)
    with records.provenance(folder / "provenance" / "painters_similarity.json", device=device):
        run(settings, loaded)


def run(settings: Params, loaded: LoadedModel) -> None:
    section, text = settings.painters_similarity, settings.evaluation_text
    folder = paths.results(settings.profile) / "painters"
    passages = read_passages(settings)[: section.passages]
    tokens = batches(passages, loaded.tokenizer, section.batch_size, text.max_tokens)
    judged, tables, norms = {}, [], {}
    for subject in (MODEL, nulls.RANDOM):
        model = loaded.model
        if subject == nulls.RANDOM:
            model = nulls.random_initialisation(loaded.model, section.seed)
        hidden = similarity.states(model, tokens)
        norms[subject] = similarity.first_token_norms(hidden, tokens)
        for measure, values in similarity.similarities(hidden, tokens).items():
            mean = values.mean(axis=0)
            one, other = np.triu_indices(len(mean))
            tables.append(
                pd.DataFrame(
                    {
                        "subject": subject,
                        "measure": measure,
                        "state": one,
                        "other": other,
                        "similarity": mean[one, other],
                    }
                )
            )
            for key, estimate in similarity.measurements(values, section).items():
                judged.setdefault(f"{measure}.{key}", {})[subject] = estimate
    for key in ("middle", "contrast"):
        released = judged[f"released.{key}"][MODEL]
        judged[key] = judged[f"{FAITHFUL}.{key}"] | {AS_PUBLISHED: released}
    records.write_csv(folder / "similarity.csv", pd.concat(tables))
    whole = pd.concat(norms, names=["subject"]).reset_index("subject")
    records.write_csv(folder / "token_norms.csv", whole)
    about = {
        "model": loaded.provenance["name"],
        "dtype": loaded.provenance["dtype"],
        "text": text.title,
        "passages": len(passages),
        "max_tokens": text.max_tokens,
        "bos": "none",
        "judged": f"{FAITHFUL}; {AS_PUBLISHED}: flattened, first token and padding included",
        "interval": f"95% percentile bootstrap over passages, {section.resamples} resamples",
        "seed": section.seed,
    }
    records.write_measurements(folder / "similarity.json", about, judged)


if __name__ == "__main__":
    try:
        main()
    except (ModelError, TextError) as error:
        sys.exit(f"30_painters_similarity.py: {error}")
