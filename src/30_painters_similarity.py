"""Compare the hidden states of all depths under five measures: three classes, or attention sinks?

Claims    C-SIM, C-GROUPS, C-DRIFT (paper C, Figs 3 and 15)
Inputs    the model `painters_model`, the evaluation text
Outputs   results/<profile>/painters/similarity.json     what the ledger judges
          results/<profile>/painters/similarity.csv      a row a subject, measure and pair of states
          results/<profile>/painters/token_norms.csv     norms of the first and the other tokens
          results/<profile>/painters/drift.csv           a row a subject, edit and state
Cost      laptop: about half a minute on 2 cores, 3 GiB; --dry-run prices a profile
"""

from strata import nulls, stage
from strata.evidence import AS_PUBLISHED, MODEL, RANDOM, Evidence, minus
from strata.execution import seconds
from strata.models import blocks, load
from strata.painters import cost, drift, similarity, similarity_classes
from strata.params import Params
from strata.records import Estimate
from strata.statistics import Floats
from strata.text import batches, read_passages

FAITHFUL = "without_first_token"


def price(settings: Params) -> str:
    section, text = settings.painters_similarity, settings.evaluation_text
    loaded = load("painters_model", settings)
    passages = read_passages(settings)[: section.passages]
    edits = drift.plan(len(blocks(loaded.model)))

    def run(count: int) -> None:
        found = passages[:count]
        tokens = batches(found, loaded.tokenizer, section.batch_size, text.max_tokens)
        hidden = similarity.states(loaded.model, tokens)
        similarity.norms(hidden, tokens)
        similarity.similarities(hidden, tokens)
        drift.drift(loaded.model, tokens, edits)

    most = min(section.batch_size, len(passages))
    count = cost.affordable(run, most, cost.PROBE_SECONDS / 2)
    part = cost.Part("passages", 2 * len(passages), seconds(run, count) / count)
    return cost.bill(settings.profile, loaded, [part])


def run(settings: Params) -> None:
    section, text = settings.painters_similarity, settings.evaluation_text
    evidence = Evidence("painters", settings.profile)
    loaded = load("painters_model", settings)
    passages = read_passages(settings)[: section.passages]
    tokens = batches(passages, loaded.tokenizer, section.batch_size, text.max_tokens)
    resampled = {"resamples": section.resamples, "seed": section.seed}
    edits = drift.plan(len(blocks(loaded.model)))
    of_model: dict[str, Floats] = {}
    untrained = nulls.random_initialisation(loaded.model, section.seed)
    for subject, model in ((MODEL, loaded.model), (RANDOM, untrained)):
        hidden = similarity.states(model, tokens)
        norms = similarity.norms(hidden, tokens)
        evidence.rows("token_norms", similarity.norm_table(*norms), subject=subject)
        onset = similarity_classes.sink_onset(*norms, **resampled)
        if onset:
            evidence.measured(subject, {"sink_onset": onset})
        if subject == MODEL:
            window = int(onset.value) if onset else None
        for measure, values in similarity.similarities(hidden, tokens).items():
            pairs = similarity.pair_table(values)
            evidence.rows("similarity", pairs, subject=subject, measure=measure)
            levels = similarity.measurements(values, section)
            found = levels | similarity_classes.classes(values, **resampled)
            if window:
                after = similarity_classes.after_onset(values, window, **resampled)
                found["after_sink_onset"] = after
            evidence.measured(subject, named(measure, found))
            if subject == MODEL:
                of_model[measure] = values
            else:
                apart = similarity.measurements(of_model[measure] - values, section)
                evidence.measured(minus(subject), named(measure, apart))
            if (measure, subject) == ("released", MODEL):
                evidence.measured(AS_PUBLISHED, found)
        moved = drift.drift(model, tokens, edits)
        evidence.rows("drift", drift.table(moved, edits), subject=subject)
        evidence.measured(subject, drift.measurements(moved, **resampled))
    about = {
        "model": loaded.provenance["name"],
        "dtype": loaded.provenance["dtype"],
        "text": text.title,
        "passages": len(passages),
        "max_tokens": text.max_tokens,
        "bos": "none",
        "judged": f"{FAITHFUL}; {AS_PUBLISHED}: flattened, first token and padding included",
        "classes": "the three runs of states with the highest similarity within less between",
        "drift": f"s = {drift.start(len(blocks(loaded.model)))}",
        "interval": f"95% bootstrap over blocks of passages, {section.resamples} resamples",
        "seed": section.seed,
    }
    evidence.write("similarity", about)


def named(measure: str, found: dict[str, Estimate]) -> dict[str, Estimate]:
    """Keys of a measure; the faithful one's stand without its name too."""
    keys = {f"{measure}.{key}": each for key, each in found.items()}
    return keys | found if measure == FAITHFUL else keys


if __name__ == "__main__":
    stage.main(__doc__, run, price)
