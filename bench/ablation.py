"""Ablation sweep with reused prefixes against the same sweep with full forwards.

Same model, tokens and dtype, one run. Writes results/bench/ablation.json.
"""

from contextlib import nullcontext

import numpy as np
import torch
from timing import timed

from strata import params, paths, profiles, records
from strata.anatomy.ablation import ablate
from strata.models import blocks, load
from strata.surgery import neighbour_average
from strata.text import TokenBatch, batches, read_passages

PASSAGES = 48
TARGET_RATIO = 1.5
TARGET_DIFFERENCE = 1e-5


def main() -> None:
    settings = params.compose(profiles.base())
    loaded = load("anatomy_model", settings)
    passages = read_passages(settings)[:PASSAGES]
    section = settings.anatomy_ablation
    tokens = batches(
        passages, loaded.tokenizer, section.batch_size, settings.evaluation_text.max_tokens
    )
    full_forwards(loaded.model, tokens[:1], depth=1)  # warm-up
    file = paths.ROOT / "results" / "bench" / "ablation.json"
    with records.provenance(file.with_name("ablation_machine.json")):
        swept, sweep_seconds = timed(lambda: ablate(loaded.model, tokens, "neighbour_average"))
        full, full_seconds = timed(
            lambda: full_forwards(loaded.model, tokens, depth=len(blocks(loaded.model)))
        )
    result = {
        "model": loaded.provenance["name"],
        "dtype": "float32",
        "passages": len(passages),
        "scored_tokens": int(swept.tokens.sum()),
        "full_forward_seconds": full_seconds,
        "sweep_seconds": sweep_seconds,
        "ratio": full_seconds / sweep_seconds,
        "target_ratio": TARGET_RATIO,
        "largest_difference_nats_per_token": (np.abs(swept.ablated - full) / swept.tokens).max(),
        "target_difference_nats_per_token": TARGET_DIFFERENCE,
    }
    records.write_json(file, result)
    print(file.read_text(encoding="utf-8"))


@torch.no_grad()
def full_forwards(model: torch.nn.Module, tokens: list[TokenBatch], depth: int) -> np.ndarray:
    """Per-passage nats (depth, n) by whole forward passes of the Hugging Face model."""
    result = np.zeros((depth, sum(len(batch.rows) for batch in tokens)))
    for layer in range(depth):
        with neighbour_average(model, layer) if depth > 1 else nullcontext():
            for batch in tokens:
                logits = model(input_ids=batch.ids_BxL, attention_mask=batch.mask_BxL).logits
                losses = torch.nn.functional.cross_entropy(
                    logits[:, :-1].flatten(0, 1), batch.ids_BxL[:, 1:].flatten(), reduction="none"
                ).view(len(batch.rows), -1)
                result[layer, batch.rows] = (losses * batch.mask_BxL[:, 1:]).double().sum(dim=1)
    return result


if __name__ == "__main__":
    main()
