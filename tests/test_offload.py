"""A model whose blocks lie on several devices computes what it computes on one."""

import pytest
import torch
from conftest import FAMILIES, tiny
from transformers import AutoModelForCausalLM

from strata import schedules
from strata.execution import passage_nll, scheduled, sweep
from strata.models import blocks

T = 6
PLANS = [
    schedules.full(T),
    schedules.skip(T, 2),
    schedules.reverse(T, 2),
    schedules.parallel(T, 1, loops=2),
]


def parts(family):
    """Blocks from the third on lie on disk, the rest of the model in memory."""
    model = tiny(family)
    inner = {f"{name}": "cpu" for name, child in model.named_children() if name != base(model)}
    within = dict(getattr(model, base(model)).named_children())
    layers = next(name for name, child in within.items() if child is blocks(model))
    places = inner | {f"{base(model)}.{name}": "cpu" for name in within if name != layers}
    return places | {
        f"{base(model)}.{layers}.{layer}": "cpu" if layer < 2 else "disk" for layer in range(T)
    }


def base(model):
    return model.base_model_prefix


@pytest.fixture(params=FAMILIES)
def pair(request, tmp_path):
    whole = tiny(request.param)
    whole.save_pretrained(tmp_path / "model")
    spread = AutoModelForCausalLM.from_pretrained(
        tmp_path / "model", device_map=parts(request.param), offload_folder=tmp_path / "disk"
    )
    assert {p.device.type for p in spread.parameters()} == {"cpu", "meta"}
    return whole, spread.requires_grad_(False).eval()


def test_sweep_follows_the_blocks(pair, batch):
    whole, spread = (
        torch.stack([x for (x,) in sweep(m, PLANS, [batch], passage_nll)]) for m in pair
    )
    assert torch.allclose(whole, spread, atol=1e-6)


@pytest.mark.parametrize("kv", ["per_visit", "averaged"])
def test_cached_generation_follows_the_blocks(pair, batch, kv):
    ids = batch.ids_BxL[:1, :5]
    for plan in PLANS:
        found = []
        for model in pair:
            with scheduled(model, plan, kv):
                found.append(model.generate(ids, max_new_tokens=6, do_sample=False, pad_token_id=0))
        assert torch.equal(*found)
