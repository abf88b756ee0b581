"""The parameters of all rooms as one model; the rooms' own sections are found, not listed."""

from pydantic import create_model

from strata import rooms
from strata.params.benchmarks import BenchmarkParams
from strata.params.corpus import CorpusParams
from strata.params.sections import Params, Section
from strata.params.sources import EvaluationTextParams

SECTIONS: dict[str, type[Section]] = {
    "evaluation_text": EvaluationTextParams,
    "benchmarks": BenchmarkParams,
    "corpus": CorpusParams,
}
for _module in rooms.modules("params").values():
    SECTIONS |= getattr(_module, "SECTIONS", {})

AllParams = create_model(
    "AllParams",
    __base__=Params,
    __module__=__name__,
    **{name: (section, ...) for name, section in SECTIONS.items()},
)
