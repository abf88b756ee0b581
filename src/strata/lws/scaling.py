"""Paper B's layer-wise scaling rule: from a variant's name to the widths of every layer.

No weights and no torch. Two wordings: `released` is what the authors' code computes and what gives
the published counts; `paper` is what the text says (4 KV heads in each layer, framed layers at the
largest scalar of the variant).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from strata.errors import StrataError

Wording = Literal["released", "paper"]

FRAME_FFN, FRAME_QKV = 4.0, 1.0
PAPER_KV_HEADS = 4


class ShapeError(StrataError, ValueError):
    """A variant or a layer's widths that the rule does not allow."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A row of Table 2: scalars run through the points of `ffn` and `qkv` over the depth."""

    layers: int
    ffn: tuple[float, ...]
    qkv: tuple[float, ...]
    framed: bool = False


VARIANTS: dict[str, Variant] = {
    "baseline_12l": Variant(layers=12, ffn=(4.0, 4.0), qkv=(1.0, 1.0)),
    "vanilla_12l": Variant(layers=12, ffn=(2.0, 5.3), qkv=(0.5, 2.0)),
    "baseline_18l": Variant(layers=18, ffn=(2.5, 2.5), qkv=(0.75, 0.75)),
    "vanilla_18l": Variant(layers=18, ffn=(1.0, 4.0), qkv=(0.5, 1.0)),
    "framed": Variant(layers=18, ffn=(0.5, 4.0), qkv=(0.5, 1.0), framed=True),
    "reverse": Variant(layers=18, ffn=(4.0, 0.5), qkv=(1.0, 0.5), framed=True),
    "crown": Variant(layers=18, ffn=(0.5, 3.8, 0.5), qkv=(0.5, 1.0, 0.5), framed=True),
}

BASELINES = {12: "baseline_12l", 18: "baseline_18l"}  # what a variant of that depth is held against

CONTROLS: dict[str, Variant] = {  # not in the paper: Crown turned over, wide ends, narrow middle
    "bowtie": Variant(layers=18, ffn=(3.8, 0.5, 3.8), qkv=(1.0, 0.5, 1.0), framed=True),
}


class LayerShape(NamedTuple):
    """Widths of one layer, in channels and heads."""

    ffn_width: int
    query_heads: int
    kv_heads: int


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """What the scalars multiply, and the multiples that widths are rounded to."""

    d_model: int
    head_dim: int
    ffn_multiple: int
    queries_per_kv: int
    vocabulary: int

    @property
    def query_multiple(self) -> int:
        """Channels in one group of query heads that share a KV head."""
        return self.queries_per_kv * self.head_dim


PUBLISHED = Geometry(d_model=768, head_dim=64, ffn_multiple=256, queries_per_kv=3, vocabulary=50304)


def proportional(d_model: int, vocabulary: int) -> Geometry:
    """The published geometry at another width: as many heads, every multiple scaled alike.

    Raises:
        ShapeError: the width does not give whole, even head dimensions (RoPE rotates pairs).
    """
    heads = PUBLISHED.d_model // PUBLISHED.head_dim
    if d_model % (2 * heads):
        raise ShapeError(
            f"d_model {d_model}: expected a multiple of {2 * heads}, so that each of {heads} heads "
            f"has an even number of channels"
        )
    return Geometry(
        d_model=d_model,
        head_dim=d_model // heads,
        ffn_multiple=d_model * PUBLISHED.ffn_multiple // PUBLISHED.d_model,
        queries_per_kv=PUBLISHED.queries_per_kv,
        vocabulary=vocabulary,
    )


def layer_shapes(
    name: str, geometry: Geometry = PUBLISHED, wording: Wording = "released"
) -> list[LayerShape]:
    """The widths of every layer of a variant or control, first layer first.

    Raises:
        ShapeError: there is no such variant.
    """
    variant = _variant(name)
    ffn = _scalars(variant, variant.ffn, FRAME_FFN, wording)
    qkv = _scalars(variant, variant.qkv, FRAME_QKV, wording)
    shapes = []
    for ffn_scalar, qkv_scalar in zip(ffn, qkv, strict=True):
        width = make_divisible(geometry.d_model * qkv_scalar, geometry.query_multiple)
        query_heads = width // geometry.head_dim
        released_kv = query_heads // geometry.queries_per_kv
        shapes.append(
            LayerShape(
                make_divisible(geometry.d_model * ffn_scalar, geometry.ffn_multiple),
                query_heads,
                PAPER_KV_HEADS if wording == "paper" else released_kv,
            )
        )
    return shapes


def make_divisible(value: float, multiple: int) -> int:
    """The multiple nearest to a width (CoreNet's rule): halves go up, at least one multiple, and
    one more if rounding lost over a tenth."""
    nearest = max(multiple, int(value + multiple / 2) // multiple * multiple)
    return nearest if nearest >= 0.9 * value else nearest + multiple


def parameter_count(
    name: str, geometry: Geometry = PUBLISHED, wording: Wording = "released"
) -> int:
    """All parameters of a variant, embedding and untied head included."""
    return count_parameters(layer_shapes(name, geometry, wording), geometry)


def count_parameters(shapes: list[LayerShape], geometry: Geometry) -> int:
    """All parameters of a model of these layers, embedding and untied head included."""
    layers = sum(layer_parameters(shape, geometry) for shape in shapes)
    return layers + geometry.d_model + 2 * geometry.vocabulary * geometry.d_model


def non_embedding_count(parameters: int, geometry: Geometry = PUBLISHED) -> int:
    """Table 2's "non-embed": without the embedding, but with the head."""
    return parameters - geometry.vocabulary * geometry.d_model


def layer_parameters(shape: LayerShape, geometry: Geometry) -> int:
    """One layer: four attention and three FFN matrices, two QK gains, two norm gains."""
    d = geometry.d_model
    q = geometry.head_dim * shape.query_heads
    k = geometry.head_dim * shape.kv_heads
    return 2 * d * q + 2 * d * k + 3 * d * shape.ffn_width + (q + k) + 2 * d


def training_flops(shapes: list[LayerShape], geometry: Geometry, sequence_length: int) -> int:
    """FLOPs of forward and backward per position, attention counted without its causal mask."""
    total = count_parameters(shapes, geometry)
    queries = sum(geometry.head_dim * shape.query_heads for shape in shapes)
    return 6 * non_embedding_count(total, geometry) + 12 * queries * sequence_length


def shuffled_depth_roles(shapes: list[LayerShape], seed: int) -> list[LayerShape]:
    """The same layers in a random depth order: a control with equal parameters and FLOPs, in which
    only the profile over depth is destroyed."""
    order = np.random.default_rng(seed).permutation(len(shapes))
    return [shapes[place] for place in order]


def check_shapes(shapes: list[LayerShape], geometry: Geometry) -> None:
    """Refuse widths that the rule cannot have produced.

    Raises:
        ShapeError: it names the layer and the rule.
    """
    for layer, shape in enumerate(shapes):
        if shape.ffn_width <= 0 or shape.ffn_width % geometry.ffn_multiple:
            raise ShapeError(
                f"layer {layer}: ffn_width {shape.ffn_width} is not a positive multiple of "
                f"{geometry.ffn_multiple}"
            )
        if shape.kv_heads <= 0 or shape.query_heads <= 0 or shape.query_heads % shape.kv_heads:
            raise ShapeError(
                f"layer {layer}: {shape.query_heads} query heads cannot share {shape.kv_heads} "
                f"KV heads evenly"
            )


def _variant(name: str) -> Variant:
    known = VARIANTS | CONTROLS
    if name not in known:
        raise ShapeError(f"unknown variant {name!r}: expected one of {', '.join(known)}")
    return known[name]


def _scalars(
    variant: Variant, points: tuple[float, ...], frame: float, wording: Wording
) -> list[float]:
    if len(points) == 2:
        scalars = np.linspace(*points, variant.layers).round(2)
    else:
        last = variant.layers - 1
        start, peak, end = points
        middle = [last // 2, variant.layers // 2]
        scalars = np.interp(np.arange(variant.layers), [0, *middle, last], [start, peak, peak, end])
    if variant.framed:
        scalars[[0, -1]] = max(points) if wording == "paper" else frame
    return scalars.tolist()
