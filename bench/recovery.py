"""Recovery loop that trains one layer against training with all gradients on.

Same model, noise, batch and steps, one run. Writes results/bench/recovery.json.
"""

import time

import torch
from transformers import PreTrainedModel

from strata import params, paths, profiles, records
from strata.anatomy.recovery import Task, recover
from strata.execution import traced
from strata.models import blocks, load
from strata.surgery import noised, preserved
from strata.text import TokenBatch, batches, read_passages

STEPS = 12
PASSAGES = 8
LAYER = 15
TARGET_RATIO = 2.0
TARGET_DIFFERENCE = 1e-5


def main() -> None:
    settings = params.compose(profiles.base())
    loaded = load("anatomy_model", settings)
    passages = read_passages(settings)[:PASSAGES]
    (batch,) = batches(passages, loaded.tokenizer, PASSAGES, settings.evaluation_text.max_tokens)
    section = settings.anatomy_recovery
    task = Task(LAYER, section.noise, 0, section.learning_rate, (0, STEPS), threshold=0.0)
    all_gradients(loaded.model, task._replace(checks=(0, 1)), batch)  # warm-up
    file = paths.ROOT / "results" / "bench" / "recovery.json"
    with records.provenance(file.with_name("recovery_machine.json")):
        start = time.perf_counter()
        slow = all_gradients(loaded.model, task, batch)
        middle = time.perf_counter()
        entered = traced(loaded.model, [batch])
        fast = recover(loaded.model, task, lambda: entered, entered).losses
        end = time.perf_counter()
    result = {
        "model": loaded.provenance["name"],
        "dtype": "float32",
        "layer": LAYER,
        "steps": STEPS,
        "tokens_per_step": int(batch.mask_BxL.sum()),
        "all_gradients_seconds": middle - start,
        "one_layer_seconds": end - middle,
        "ratio": (middle - start) / (end - middle),
        "target_ratio": TARGET_RATIO,
        "largest_loss_difference": max(abs(a - b) for a, b in zip(slow, fast, strict=True)),
        "target_loss_difference": TARGET_DIFFERENCE,
    }
    records.write_json(file, result)
    print(file.read_text(encoding="utf-8"))


def all_gradients(model: PreTrainedModel, task: Task, batch: TokenBatch) -> list[float]:
    """Losses when every weight has a gradient and every pass is whole; one layer is stepped."""
    model.requires_grad_(True)
    losses = []
    with preserved(model, task.layer), noised(model, task.layer, task.noise, task.seed):
        parameters = list(blocks(model)[task.layer].parameters())
        optimizer = torch.optim.AdamW(
            parameters, lr=task.learning_rate, weight_decay=0.0, fused=True
        )
        scored = batch.mask_BxL[:, 1:].bool()
        for _ in range(task.checks[-1]):
            logits = model(
                input_ids=batch.ids_BxL, attention_mask=batch.mask_BxL, use_cache=False
            ).logits
            loss = torch.nn.functional.cross_entropy(
                logits[:, :-1][scored], batch.ids_BxL[:, 1:][scored]
            )
            losses.append(loss.item())
            model.zero_grad()
            loss.backward()
            optimizer.step()
    model.requires_grad_(False)
    model.zero_grad()
    return losses


if __name__ == "__main__":
    main()
