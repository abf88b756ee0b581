"""Compare edited models with the full one token by token: what does a finer measure see?

Claims    C-TWICE and C-SHARE; by a measure of ours C-SINGLE, C-SKIP to C-WORST, C-LOOPS, C-TASKS,
          C-MATHS, C-GSM8K and C-STEEP (paper C, Figs 2, 4 to 12 and 17, section 3.6)
Inputs    the model `painters_model`, perhaps a second, the evaluation text, the benchmarks
Outputs   results/<profile>/painters/fidelity.json          what the ledger judges
          results/<profile>/painters/fidelity.csv           a row a decoder, subject and edit
          results/<profile>/painters/fidelity_loops.csv     the best number of passes by M
          results/<profile>/painters/fidelity_kinds.csv     relative rise of the NLL by kind of text
Cost      laptop: about 1.5 minutes on 2 cores with bfloat16 in hardware; 3 GiB; an interrupted run
          goes on where it stopped, a batch at a time; --dry-run prices a profile
"""

from collections.abc import Iterable, Iterator
from typing import Any

from strata import stage
from strata.evidence import MODEL, Evidence
from strata.models import LoadedModel, blocks, load
from strata.painters import cost, fidelity, fidelity_scores, fidelity_study
from strata.painters.fidelity import Case
from strata.painters.fidelity_scores import Curves
from strata.painters.fidelity_study import TEXT
from strata.painters.params import FidelityParams
from strata.painters.subjects import subjects
from strata.params import Params
from strata.records import fingerprint
from strata.work import Work

SECOND = "second."


def price(settings: Params) -> str:
    section, texts = settings.painters_fidelity, fidelity_study.texts(settings)
    parts = []
    budget = cost.PROBE_SECONDS / (1 + (section.second is not None))
    for prefix, loaded in decoders(settings):
        own = section.null_passages if prefix else section.passages
        plans = {
            kind: [case.schedule for case in made]
            for kind, made in edits(loaded, section, texts).items()
        }
        a_token = fidelity_study.speed_of_token(loaded, texts[TEXT], section, budget)
        for kind, found in texts.items():
            read = [found[:own], *[found[: section.null_passages]] * cost.NULLS]
            tokens = sum(
                fidelity_study.token_count(each, loaded.tokenizer, section) for each in read
            )
            parts.append(cost.Part(f"{prefix}{kind}", tokens, a_token.seconds(plans[kind])))
        if not prefix:
            about = loaded, cost.swept(loaded, section, plans[TEXT])
    return cost.bill(settings.profile, about[0], parts, about[1])


def decoders(settings: Params) -> Iterator[tuple[str, LoadedModel]]:
    """Prefix of the keys -> decoder: the model and, where one is named, the second."""
    section = settings.painters_fidelity
    yield "", load("painters_model", settings, section.dtype)
    if source := section.second:
        other = settings.painters_model.model_copy(update={"source": source})
        theirs = settings.model_copy(update={"painters_model": other})
        yield SECOND, load("painters_model", theirs, section.dtype)


def conditions(loaded: LoadedModel, section: FidelityParams) -> dict[str, Any]:
    """What is said of each decoder."""
    return {
        "model": loaded.provenance["name"],
        "layers": len(blocks(loaded.model)),
        "dtype": loaded.provenance["dtype"],
        "affected": section.affected,
    }


def fitting(section: FidelityParams, T: int) -> FidelityParams:
    """The section with the numbers of affected layers that T layers allow."""
    return section.model_copy(update={"affected": [M for M in section.affected if M < T]})


def edits(
    loaded: LoadedModel, section: FidelityParams, kinds: Iterable[str]
) -> dict[str, list[Case]]:
    """Kind of text -> the edits measured on it: every one on the evaluation text."""
    T = len(blocks(loaded.model))
    section = fitting(section, T)
    made = fidelity.cases(T, section)
    few = fidelity_scores.cases_of_kinds(made, fidelity_scores.few_affected(T, section.affected))
    return {kind: made if kind == TEXT else few for kind in kinds}


def curves(
    work: Work,
    subject: str,
    each: LoadedModel,
    texts: dict[str, list[str]],
    section: FidelityParams,
) -> dict[str, Curves]:
    """Kind of text -> the curves of one subject."""
    T, made = len(blocks(each.model)), edits(each, section, texts)
    sums = fidelity_study.collected(work, subject, each, made, texts, section)
    return {
        kind: fidelity_scores.curves(found, made[kind], T, section, kind)
        for kind, found in sums.items()
    }


def run(settings: Params) -> None:
    evidence = Evidence("painters", settings.profile, keys=fidelity_scores.OPTIONAL)
    texts = fidelity_study.texts(settings)
    facts = {
        "params": settings.painters_fidelity.model_dump(mode="json", exclude={"resamples"}),
        "texts": {kind: fingerprint(found) for kind, found in texts.items()},
    }
    about, models, works = {}, {}, []
    for prefix, loaded in decoders(settings):
        section = fitting(settings.painters_fidelity, len(blocks(loaded.model)))
        about |= {f"{prefix}{key}": each for key, each in conditions(loaded, section).items()}
        works.append(Work("painters_fidelity", facts | {"model": loaded.provenance}))
        for subject, each in subjects(loaded, section):
            count = section.passages if not prefix and subject == MODEL else section.null_passages
            read = {kind: found[:count] for kind, found in texts.items()}
            by_kind = curves(works[-1], subject, each, read, section)
            if subject == MODEL:
                models[prefix] = by_kind[TEXT]
            of = {"decoder": loaded.provenance["name"], "subject": subject}
            evidence.rows("fidelity", fidelity_scores.table(by_kind[TEXT]), **of)
            evidence.rows("fidelity_loops", fidelity_scores.best_table(by_kind[TEXT]), **of)
            rises, between = fidelity_scores.kinds(by_kind)
            evidence.rows("fidelity_kinds", rises, **of)
            measured = fidelity_scores.measurements(by_kind[TEXT]) | between
            evidence.measured(subject, {f"{prefix}{key}": each for key, each in measured.items()})
    if SECOND in models:
        apart = fidelity_scores.share_apart(models[""], models[SECOND])
        evidence.measured(MODEL, {"share.largest_difference": apart})
    section = settings.painters_fidelity
    about |= {
        "metric": "share of tokens whose most likely successor is the unedited model's; 0 at a "
        "unigram model of the text, 1 at the unedited model; every null beside itself unedited",
        "text": settings.evaluation_text.title,
        "passages": {MODEL: len(texts[TEXT]), "nulls": section.null_passages},
        "texts": {kind: len(found) for kind, found in texts.items() if kind != TEXT},
        "max_tokens": section.max_tokens,
        "random_orders": section.orders,
        "loops": section.loops,
        "most_loops": section.most_loops,
        "interval": f"95% bootstrap over blocks of passages and over random orders, documents "
        f"of benchmarks one by one, {section.resamples} resamples",
        "seed": section.seed,
    }
    evidence.write("fidelity", about)
    for work in works:
        work.clear()


if __name__ == "__main__":
    stage.main(__doc__, run, price, shared=True)
