"""Parameters of what joins the three papers."""

from strata.params.sections import PositiveInt, Resampled, Resamples, Section


class AcrossAnatomyParams(Section):
    """Papers A and C on paper B's models; `affected` lists M, which must fit 12 and 18 layers."""

    batch_size: PositiveInt
    affected: list[PositiveInt]


class AcrossPapersParams(Resampled):
    """Intervals over passages, items, documents and models; nulls from permuted layers."""

    permutations: Resamples


SECTIONS: dict[str, type[Section]] = {
    "across_anatomy": AcrossAnatomyParams,
    "across_papers": AcrossPapersParams,
}
