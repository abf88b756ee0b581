"""Parameters of paper C's experiments."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from strata.painters.catalogue import VARIANTS
from strata.params.benchmarks import GlueItems, GlueSource
from strata.params.sections import (
    AtLeastTwo,
    Few,
    Name,
    ParamsError,
    Positive,
    PositiveInt,
    Resampled,
    Section,
    Seed,
)
from strata.params.sources import EncoderParams, ModelParams

Loops = Annotated[Few, Field(ge=2)]


class Measured(Resampled):
    """What every experiment of paper C shares: arithmetic, batches, intervals, one seed.

    dtype: auto is bfloat16 where the machine multiplies it in hardware, else float32.
    """

    dtype: Literal["auto", "float32", "bfloat16"]
    batch_size: PositiveInt
    memory_gib: Positive


class Prompted(Measured):
    """How the harness's prompts become tokens.

    bos: never is the released code's; always puts the BOS token before every prompt; tokenizer
    where the model's own tokenizer does. An empty prompt is the BOS token in any case.
    """

    bos: Literal["never", "always", "tokenizer"] = "never"


class SimilarityParams(Resampled):
    """Paper C, similarity of hidden states; `passages` of the evaluation text."""

    batch_size: PositiveInt
    passages: AtLeastTwo


class SingleLayerParams(Prompted):
    """Paper C, single layers left out or swapped; LAMBADA items of the model and of a null."""

    items: PositiveInt
    null_items: PositiveInt


class VariantChoice(Measured):
    """Paper C, all variants; `affected` lists M, which must fit the depth."""

    affected: Annotated[list[PositiveInt], Field(min_length=2)]
    orders: Few
    loops: Loops


class VariantParams(VariantChoice, Prompted):
    """All variants of a decoder; items: of each task, or of each by its name."""

    items: PositiveInt | dict[str, PositiveInt]
    null_items: PositiveInt
    noise_items: PositiveInt

    def count(self, task: str) -> int:
        """Items of a task.

        Raises:
            ParamsError: `items` does not name the task.
        """
        if isinstance(self.items, int):
            return self.items
        if task not in self.items:
            raise ParamsError(
                f"painters_variants.items: no count for {task}; found {', '.join(self.items)}"
            )
        return self.items[task]


class PaintersLoopParams(Prompted):
    """Paper C, looped parallel: every number of passes from 1 to `most_loops`."""

    items: PositiveInt
    null_items: PositiveInt
    affected: Annotated[list[PositiveInt], Field(min_length=2)]
    most_loops: Loops


class FidelityParams(VariantChoice):
    """Paper C's schedules by next-token measures on text.

    passages: of the evaluation text; kinds: benchmarks whose right answers are further kinds of
    text; texts: of each; null_passages: of every text for the nulls and the second decoder;
    max_tokens: of a text; second: an entry of `painters_model` that names the second decoder.
    """

    passages: AtLeastTwo
    null_passages: AtLeastTwo
    kinds: tuple[Name, ...]
    texts: AtLeastTwo
    max_tokens: AtLeastTwo
    most_loops: Loops
    second: Literal["wheel", "wheels", "hub", "path"] | None


class GenerationParams(Prompted):
    """Paper C, generation with each kind of cache."""

    items: PositiveInt
    shots: Annotated[int, Field(ge=0, le=1000)]
    max_new_tokens: PositiveInt
    affected: list[PositiveInt]
    loops: Loops


Pooling = Literal["pooler", "mean"]


def _known(variant: str) -> str:
    if variant not in VARIANTS:
        raise ValueError(f"expected one of {', '.join(VARIANTS)}")
    return variant


Variant = Annotated[str, AfterValidator(_known)]


class HeadParams(Section):
    """Training of a classifier, AdamW with linear decay; a run for each seed."""

    epochs: PositiveInt
    learning_rate: Positive
    batch_size: PositiveInt
    seeds: tuple[Seed, ...]


class FineTuningParams(HeadParams):
    """Training of the whole model; which tasks, variants, M and random orders it is done for."""

    tasks: tuple[Name, ...]
    variants: tuple[Variant, ...]
    affected: tuple[PositiveInt, ...]
    orders: PositiveInt
    items: GlueItems
    null_items: GlueItems


class GlueParams(GlueSource, VariantChoice):
    """Paper C, encoders on GLUE.

    pooling: what the classifier reads, the model's own pooler on the first token or the mean over
    tokens.
    """

    max_tokens: Annotated[PositiveInt, Field(ge=8)]
    pooling: Pooling
    items: GlueItems
    null_items: GlueItems
    frozen: HeadParams
    finetuned: FineTuningParams

    @model_validator(mode="after")
    def _finetuned_is_a_part(self) -> Self:
        for field in ("tasks", "affected"):
            extra = set(getattr(self.finetuned, field)) - set(getattr(self, field))
            if extra:
                raise ValueError(f"finetuned.{field} must be among {field}, found also {extra}")
        return self


SECTIONS: dict[str, type[Section]] = {
    "painters_model": ModelParams,
    "painters_encoder": EncoderParams,
    "painters_similarity": SimilarityParams,
    "painters_single_layer": SingleLayerParams,
    "painters_variants": VariantParams,
    "painters_loops": PaintersLoopParams,
    "painters_generation": GenerationParams,
    "painters_glue": GlueParams,
    "painters_fidelity": FidelityParams,
}
