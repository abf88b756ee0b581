"""Peak memory of a random model of a billion parameters: loaded, swept, and through its nulls.

On the CPU, in bfloat16. Writes results/bench/memory.json, which `--dry-run` prints. Two minutes.
"""

import json
import resource
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from strata import nulls, params, paths, profiles, records, schedules
from strata.execution import passage_nll, sweep
from strata.models import blocks, load
from strata.models.tiny import VOCABULARY, tokenizer
from strata.text import TokenBatch

WIDTH, INNER, DEPTH, TOKENS = 4096, 11008, 6, 128  # six blocks of Llama-2-7B
BUDGET_GIB = 0.05
TARGET_RATIO = 1.2


def main() -> None:
    file = paths.ROOT / "results" / "bench" / "memory.json"
    paths.WORK.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=paths.WORK) as folder:
        build(Path(folder))
        with records.provenance(file.with_name("memory_machine.json")):
            records.write_json(file, measure(Path(folder)))
    print(file.read_text(encoding="utf-8"))


def build(folder: Path) -> None:
    """A random Llama in the hub's layout, made by a process of its own, so that its memory is not
    this one's."""
    context = torch.multiprocessing.get_context("spawn")
    maker = context.Process(target=_build, args=(folder,))
    maker.start()
    maker.join()


def _build(folder: Path) -> None:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=DEPTH,
        num_attention_heads=WIDTH // 128,
        max_position_embeddings=TOKENS,
    )
    torch.manual_seed(0)
    LlamaForCausalLM._from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def measure(folder: Path) -> dict[str, object]:
    composed = params.compose(profiles.base()).model_dump(mode="json")
    composed["painters_model"] |= {
        "source": "path",
        "path": {"name": "random", "folder": str(folder)},
    }
    settings = params.parse(json.dumps(composed))
    before = peak()
    loaded = load("painters_model", settings, "bfloat16")
    peaks = {"load": peak() - before}
    weights = sum(each.nbytes for each in loaded.model.parameters())
    rows = torch.arange(8)
    ids_BxL = torch.arange(8 * TOKENS).view(8, TOKENS) % VOCABULARY
    batch = TokenBatch(rows.tolist(), ids_BxL, torch.ones_like(ids_BxL))
    depth = len(blocks(loaded.model))
    plan = [schedules.full(depth), schedules.reverse(depth, 2), schedules.parallel(depth, 2)]
    for name, model in nulls.subjects(loaded.model, seed=0):
        sweep(model, plan, [batch], passage_nll, BUDGET_GIB)
        peaks[name] = peak() - before
    highest = max(peaks.values())
    return {
        "model": f"random Llama, {loaded.provenance['parameters']:,} parameters",
        "dtype": "bfloat16",
        "weights_gib": weights / 2**30,
        "waiting_states_gib": BUDGET_GIB,
        "peak_gib": {name: found / 2**30 for name, found in peaks.items()},
        "ratio": (highest - BUDGET_GIB * 2**30) / weights,
        "target_ratio": TARGET_RATIO,
    }


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
