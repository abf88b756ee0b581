"""Table 2 and Figure 3: counts and per-layer widths of every variant, in both wordings."""

import pandas as pd

from strata.lws.params import LwsArchitectureParams
from strata.lws.scaling import (
    PUBLISHED,
    VARIANTS,
    count_parameters,
    layer_parameters,
    layer_shapes,
    non_embedding_count,
    training_flops,
)
from strata.records import Estimate

REAL_SHARE = 0.5  # of the positions that the as-published reader shows
GPUS, TPS_18L = 4, 124_000  # published: per GPU, Baseline 18L


def variant_table(sequence_length: int) -> pd.DataFrame:
    """One row a variant: Table 2's columns, the exact total and training FLOPs per position."""
    rows = []
    for name, variant in VARIANTS.items():
        shapes = layer_shapes(name)
        total = count_parameters(shapes, PUBLISHED)
        rows.append(
            {
                "variant": name,
                "layers": len(shapes),
                "ffn_scalars": ", ".join(map(str, variant.ffn)),
                "qkv_scalars": ", ".join(map(str, variant.qkv)),
                "framed": variant.framed,
                "parameters": total,
                "parameters_millions": round(total / 1e6, 1),
                "non_embedding_millions": round(non_embedding_count(total) / 1e6, 1),
                "gflops_per_position": training_flops(shapes, PUBLISHED, sequence_length) / 1e9,
            }
        )
    return pd.DataFrame(rows)


def layer_table() -> pd.DataFrame:
    """One row a variant and layer: its widths and parameters, and those by the text's wording
    (Figure 3)."""
    rows = [
        {
            "variant": name,
            "layer": layer,
            **shape._asdict(),
            "parameters": layer_parameters(shape, PUBLISHED),
            "worded_parameters": layer_parameters(worded, PUBLISHED),
        }
        for name in VARIANTS
        for layer, (shape, worded) in enumerate(
            zip(layer_shapes(name), layer_shapes(name, wording="paper"), strict=True)
        )
    ]
    return pd.DataFrame(rows)


def wording_table() -> pd.DataFrame:
    """One row a variant: what the paper's wording would give, beside the released code.

    `unbuildable_layers` counts layers whose query heads 4 KV heads cannot share.
    """
    rows = []
    for name in VARIANTS:
        released = layer_shapes(name)
        worded = layer_shapes(name, wording="paper")
        totals = [count_parameters(shapes, PUBLISHED) for shapes in (released, worded)]
        rows.append(
            {
                "variant": name,
                "released_parameters": totals[0],
                "paper_wording_parameters": totals[1],
                "difference": totals[1] - totals[0],
                "released_kv_heads_min": min(shape.kv_heads for shape in released),
                "released_kv_heads_max": max(shape.kv_heads for shape in released),
                "paper_wording_kv_heads": worded[0].kv_heads,
                "released_first_ffn_width": released[0].ffn_width,
                "paper_wording_first_ffn_width": worded[0].ffn_width,
                "unbuildable_layers": sum(s.query_heads % s.kv_heads > 0 for s in worded),
            }
        )
    return pd.DataFrame(rows)


def counts(params: LwsArchitectureParams) -> dict[str, Estimate]:
    """What the ledger judges: all arithmetic, so every interval is a point."""
    table = variant_table(params.sequence_length).set_index("variant")
    keys = ("layers", "parameters", "parameters_millions", "non_embedding_millions")
    kv_heads = layer_table()["kv_heads"]
    found = {f"{key}.{name}": table.at[name, key] for key in keys for name in VARIANTS} | {
        "kv_heads.fewest": kv_heads.min(),
        "kv_heads.most": kv_heads.max(),
        "first_ffn_width.crown": layer_shapes("crown")[0].ffn_width,
        "first_layer_millions.crown": _first_layer("crown"),
        "first_layer_millions.baseline_18l": _first_layer("baseline_18l"),
        "training_tokens_billions": REAL_SHARE * _positions(params) / 1e9,
        "training_hours": _positions(params) / (GPUS * TPS_18L) / 3600,
    }
    return {key: _point(value) for key, value in found.items()}


def counts_with_zeros(params: LwsArchitectureParams) -> dict[str, Estimate]:
    """The same where the reader's zeros count as tokens, as published."""
    return {"training_tokens_billions": _point(_positions(params) / 1e9)}


def _first_layer(name: str) -> float:
    return layer_parameters(layer_shapes(name)[0], PUBLISHED) / 1e6


def _positions(params: LwsArchitectureParams) -> int:
    """Of the whole published run."""
    return params.published_steps * params.published_sequences * params.sequence_length


def _point(value: float) -> Estimate:
    number = int(value) if value == int(value) else float(value)
    return Estimate(number, number, number)
