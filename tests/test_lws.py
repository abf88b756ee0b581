"""The scaling rule gives every published count, and the models behave like any decoder."""

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_execution import reference_nll
from torch import nn
from transformers import AutoModelForCausalLM, Olmo2ForCausalLM

from strata.anatomy import ablation
from strata.execution import finished, resume, trace
from strata.lws import LwsConfig, LwsForCausalLM, architecture, build, scaling
from strata.lws.scaling import (
    VARIANTS,
    LayerShape,
    ShapeError,
    layer_shapes,
    make_divisible,
    parameter_count,
    proportional,
)
from strata.models import blocks

TABLE_2 = {
    "baseline_12l": (12, 181.1, 142.5, 181_107_456, 0.968),
    "vanilla_12l": (12, 178.8, 140.1, 178_751_232, 0.982),
    "baseline_18l": (18, 183.5, 144.8, 183_477_504, 0.996),
    "vanilla_18l": (18, 179.7, 141.1, 179_742_976, 0.983),
    "framed": (18, 179.4, 140.7, 179_350_272, 0.986),
    "reverse": (18, 179.4, 140.7, 179_350_272, 0.986),
    "crown": (18, 181.9, 143.3, 181_906_688, 1.006),
}
SMALL = proportional(24, 61)


@pytest.fixture(params=["vanilla_12l", "crown"])
def model(request):
    made = build(request.param, SMALL, max_positions=64)
    for parameter in made.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(3))
    return made.requires_grad_(False).eval()


@pytest.mark.parametrize("name", TABLE_2)
def test_published_counts_are_exact(name):
    layers, millions, non_embedding, total, gigaflops = TABLE_2[name]
    count = parameter_count(name)
    assert len(layer_shapes(name)) == layers
    assert count == total
    assert round(count / 1e6, 1) == millions
    assert round(scaling.non_embedding_count(count) / 1e6, 1) == non_embedding
    flops = scaling.training_flops(layer_shapes(name), scaling.PUBLISHED, 1024)
    assert round(flops / 1e9, 3) == gigaflops


@pytest.mark.parametrize("name", VARIANTS)
def test_meta_model_has_as_many_parameters_as_counted(name):
    config = LwsConfig.of(layer_shapes(name), scaling.PUBLISHED, 1024)
    with torch.device("meta"):
        model = LwsForCausalLM(config)
    assert sum(p.numel() for p in model.parameters()) == parameter_count(name)


def test_papers_wording_gives_other_counts():
    differing = {n for n in VARIANTS if parameter_count(n, wording="paper") != parameter_count(n)}
    assert differing == set(VARIANTS) - {"baseline_12l"}
    assert layer_shapes("crown", wording="paper")[0].ffn_width == make_divisible(768 * 3.8, 256)
    assert {shape.kv_heads for shape in layer_shapes("crown", wording="paper")} == {4}


@given(st.floats(1, 5000), st.integers(1, 512))
def test_make_divisible_is_a_multiple_that_loses_at_most_a_tenth(value, multiple):
    width = make_divisible(value, multiple)
    assert width % multiple == 0 and width >= max(multiple, 0.9 * value)
    assert width <= max(multiple, value + multiple)


@given(st.integers(1, 40).map(lambda n: 24 * n), st.sampled_from(list(VARIANTS)))
def test_proportional_widths_keep_the_shape(d_model, name):
    narrow = layer_shapes(name, proportional(d_model, 512))
    for ours, theirs in zip(narrow, layer_shapes(name), strict=True):
        assert ours.ffn_width * 768 == theirs.ffn_width * d_model
        assert ours[1:] == theirs[1:]


@given(st.integers(0, 1000))
def test_shuffled_depth_roles_keep_parameters_and_flops(seed):
    shapes = layer_shapes("crown")
    shuffled = scaling.shuffled_depth_roles(shapes, seed)
    assert sorted(shuffled) == sorted(shapes)
    for count in (scaling.count_parameters, lambda s, g: scaling.training_flops(s, g, 1024)):
        assert count(shuffled, scaling.PUBLISHED) == count(shapes, scaling.PUBLISHED)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (LayerShape(100, 6, 2), "layer 1: ffn_width 100 is not a positive multiple of 8"),
        (LayerShape(8, 7, 2), "layer 1: 7 query heads cannot share 2 KV heads"),
        (LayerShape(8, 6, 0), "layer 1: 6 query heads cannot share 0 KV heads"),
    ],
)
def test_impossible_layers_are_named(shape, message):
    with pytest.raises(ShapeError, match=message):
        build("crown", SMALL, shapes=[LayerShape(8, 6, 2), shape])


def test_unknown_variant_and_width_are_refused():
    with pytest.raises(ShapeError, match="'tiara': expected one of baseline_12l"):
        layer_shapes("tiara")
    with pytest.raises(ShapeError, match="d_model 100: expected a multiple of 24"):
        proportional(100, 512)
    with pytest.raises(ShapeError, match="a shape for each of 3 layers, found 2"):
        LwsForCausalLM(LwsConfig(layer_shapes=[[8, 6, 2]] * 2, num_hidden_layers=3))


def test_save_and_load_round_trip(model, batch, tmp_path):
    model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert isinstance(again, LwsForCausalLM)
    assert again.config.layer_shapes == model.config.layer_shapes
    expected = model(input_ids=batch.ids_BxL).logits
    assert torch.equal(again(input_ids=batch.ids_BxL).logits, expected)


def test_parts_are_found_and_tracing_works(model, batch):
    assert len(blocks(model)) == len(model.config.layer_shapes)
    widths = [block.mlp.gate_proj.out_features for block in blocks(model)]
    assert widths == [shape[0] for shape in model.config.layer_shapes]
    traced = trace(model, batch)
    assert torch.equal(resume(blocks(model), traced, traced.inputs[3], 3), traced.inputs[-1])
    expected = model(input_ids=batch.ids_BxL, attention_mask=batch.mask_BxL).logits
    assert torch.equal(finished(model, traced.inputs[-1], batch).logits, expected)


def test_skipping_a_layer_equals_a_model_without_it(model, batch):
    swept = ablation.ablate(model, [batch], "skip")
    np.testing.assert_allclose(swept.base[batch.rows], reference_nll(model, batch), rtol=1e-5)
    whole = blocks(model)
    model.model.layers = nn.ModuleList(block for i, block in enumerate(whole) if i != 4)
    model.config.num_hidden_layers = len(whole) - 1
    expected = reference_nll(model, batch)
    np.testing.assert_allclose(swept.ablated[4][batch.rows], expected, rtol=1e-5)


def test_cached_generation_equals_uncached(model):
    ids = torch.tensor([[5, 9, 2, 7]])
    settings = {"max_new_tokens": 6, "do_sample": False}
    cached = model.generate(ids, use_cache=True, **settings)
    assert torch.equal(cached, model.generate(ids, use_cache=False, **settings))


def test_uniform_shapes_equal_transformers_own_olmo2(batch):
    ours = build("baseline_18l", SMALL).eval()
    theirs = Olmo2ForCausalLM(copy.copy(ours.config)).eval()
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        one, other = (model(input_ids=batch.ids_BxL).logits for model in (ours, theirs))
    assert torch.equal(one, other)


def test_initial_weights_are_cut_at_three_deviations_and_depend_on_the_seed():
    first, again, other = (build("crown", SMALL, seed=seed) for seed in (0, 0, 1))
    weights = first.lm_head.weight
    assert weights.abs().max() <= 0.06 and 0.015 < weights.std() < 0.022
    assert torch.equal(weights, again.lm_head.weight)
    assert not torch.equal(weights, other.lm_head.weight)
    assert all((p == 1).all() for n, p in first.named_parameters() if "norm" in n)


def test_wording_table_shows_what_the_wording_would_give():
    table = architecture.wording_table().set_index("variant")
    assert table.at["baseline_12l", "difference"] == 0
    assert table.at["crown", "paper_wording_first_ffn_width"] == 2816
    assert table.at["baseline_18l", "unbuildable_layers"] == 18


def test_half_of_the_published_positions_were_tokens(settings):
    section, key = settings.lws_architecture, "training_tokens_billions"
    published = architecture.counts_with_zeros(section)[key].value
    assert 2 * architecture.counts(section)[key].value == published == 5.111808


def test_shapes_and_parameters_need_no_torch():
    code = "import sys, strata.lws.params, strata.lws.scaling; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
