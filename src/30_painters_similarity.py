"""Compare the hidden states of all depths under five measures: three classes, or attention sinks?

Claims    C-SIM (paper C, Fig. 3)
Inputs    the model `painters_model`, the evaluation text
Outputs   results/<profile>/painters/similarity.json     what the ledger judges
          results/<profile>/painters/similarity.csv      a row a subject, measure and pair of states
          results/<profile>/painters/token_norms.csv     norms of the first and the other tokens
Cost      laptop: about half a minute on 2 cores, 3 GiB
"""

from strata import nulls, stage
from strata.evidence import AS_PUBLISHED, MODEL, RANDOM, Evidence, minus
from strata.models import load
from strata.painters import similarity
from strata.params import Params
from strata.statistics import Floats
from strata.text import batches, read_passages

FAITHFUL = "without_first_token"


def run(settings: Params) -> None:
    section, text = settings.painters_similarity, settings.evaluation_text
    evidence = Evidence("painters", settings.profile)
    loaded = load("painters_model", settings)
    passages = read_passages(settings)[: section.passages]
    tokens = batches(passages, loaded.tokenizer, section.batch_size, text.max_tokens)
    untrained = nulls.random_initialisation(loaded.model, section.seed)
    of_model: dict[str, Floats] = {}
    for subject, model in ((MODEL, loaded.model), (RANDOM, untrained)):
        hidden = similarity.states(model, tokens)
        norms = similarity.first_token_norms(hidden, tokens)
        evidence.rows("token_norms", norms, subject=subject)
        for measure, values in similarity.similarities(hidden, tokens).items():
            pairs = similarity.pair_table(values)
            evidence.rows("similarity", pairs, subject=subject, measure=measure)
            found = similarity.measurements(values, section)
            evidence.measured(subject, {f"{measure}.{key}": each for key, each in found.items()})
            if measure == FAITHFUL:
                evidence.measured(subject, found)
            if subject == MODEL:
                of_model[measure] = values
            else:
                apart = similarity.measurements(of_model[measure] - values, section)
                prefixes = ("", f"{measure}.") if measure == FAITHFUL else (f"{measure}.",)
                for prefix in prefixes:
                    keys = {f"{prefix}{key}": each for key, each in apart.items()}
                    evidence.measured(minus(subject), keys)
            if (measure, subject) == ("released", MODEL):
                evidence.measured(AS_PUBLISHED, found)
    about = {
        "model": loaded.provenance["name"],
        "dtype": loaded.provenance["dtype"],
        "text": text.title,
        "passages": len(passages),
        "max_tokens": text.max_tokens,
        "bos": "none",
        "judged": f"{FAITHFUL}; {AS_PUBLISHED}: flattened, first token and padding included",
        "interval": f"95% bootstrap over blocks of passages, {section.resamples} resamples",
        "seed": section.seed,
    }
    evidence.write("similarity", about)


if __name__ == "__main__":
    stage.main(__doc__, run)
