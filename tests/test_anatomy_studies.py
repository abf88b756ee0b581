"""Manipulation, structure and growth: small cases whose answers are known."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from strata import nulls, params, paths
from strata.anatomy import growth, growth_study, growth_training, manipulation, structure
from strata.anatomy.growth import Cost, Phase
from strata.anatomy.params import GrowthPhase
from strata.anatomy.perplexity import measure
from strata.execution import trace, traced
from strata.models import blocks
from strata.surgery import zeroed
from strata.training.errors import TrainingError

ROLES = {"core": (1, 2), "anti": (3,), "rest": (0, 4, 5)}
PHASES = [
    GrowthPhase(name="one", epochs=3, roles=("core",)),
    GrowthPhase(name="two", epochs=1, roles=("core", "rest"), scale_anti=True),
]


@pytest.fixture
def section():
    smoke = params.compose("smoke").anatomy_growth
    return smoke.model_copy(update={"seeds": (0, 1)})


@pytest.fixture(scope="module")
def split():
    lines = (paths.ROOT / "data/authored/paragraphs.txt").read_text().splitlines()
    return growth_training.splits(lines, vocabulary=300, held_out=5)


def test_redundant_layers_are_the_cheapest_in_depth_order():
    assert manipulation.redundant([9, 1, 5, 0, 2], 3) == (1, 3, 4)


def test_strategies_do_what_their_names_say(model, batch):
    entered = traced(model, [batch])
    results = [
        each
        for layers in ((2, 3), (4,))
        for each in manipulation.manipulate(model, entered, layers, (0.9, 1.0), seed=0)
    ]
    found = {(r.layers, r.strategy, r.alpha): r.measured for r in results}
    assert len(found) == 2 * (5 + 2 * 2)
    base = measure(model, entered)
    np.testing.assert_array_equal(found[(2, 3), "scaled", 1.0].nll, base.nll)
    with zeroed(model, [2, 3]):
        expected = measure(model, traced(model, [batch]))
    np.testing.assert_array_equal(found[(2, 3), "zeroed", None].nll, expected.nll)
    boot = manipulation.changes(results, base, resamples=100, seed=0)
    measured = manipulation.measurements(results, boot, (2, 3))
    table = manipulation.result_table(results, boot).query("layers == '2 3'")
    others = table[table["alpha"].isna()]["change_percent"].min()
    scaled = table.query("strategy == 'scaled' and alpha == 0.9")["change_percent"].item()
    assert measured["scaled_change"].value == scaled
    assert measured["others_over_scaled"].value == pytest.approx(others / abs(scaled))


def test_ranks_of_known_matrices(model):
    blocks(model)[0].mlp.up_proj.weight.copy_(torch.eye(48, 32))
    blocks(model)[1].mlp.up_proj.weight.copy_(torch.outer(torch.ones(48), torch.ones(32)))
    table = structure.weight_structure(model).query("matrix == 'up_proj'").set_index("layer")
    assert table.loc[0, "effective_rank"] == pytest.approx(32)
    assert table.loc[0, "stable_rank"] == pytest.approx(32)
    assert table.loc[1, "stable_rank"] == pytest.approx(1)
    assert table.loc[1, "effective_rank"] == pytest.approx(1, abs=1e-3)
    assert table.loc[1, "norm"] == pytest.approx(np.sqrt(48 * 32))


def test_weights_of_the_shuffled_model_are_the_models_in_another_order(model):
    order = nulls.layer_order(len(blocks(model)), seed=0)
    assert order != sorted(order)
    direct = structure.weight_structure(nulls.shuffled_layers(model, seed=0))
    moved = structure.reordered(structure.weight_structure(model), order)
    pd.testing.assert_frame_equal(moved, direct)


def test_stream_is_measured_on_real_tokens_with_and_without_the_first(model, batch):
    table = structure.stream_structure(model, [batch])
    states = trace(model, batch).inputs
    rows = [
        (state[row, :length], state[row, 1:length])
        for state in (states[2], states[3])
        for row, length in enumerate((14, 9, 3, 2, 12))
    ]
    everything = torch.cat([full for full, _ in rows[:5]]).norm(dim=1).mean()
    rest = torch.cat([later for _, later in rows[5:]]).norm(dim=1).mean()
    assert table.loc[2, "norm_in_all"] == pytest.approx(float(everything), rel=1e-5)
    assert table.loc[2, "norm_out_rest"] == pytest.approx(float(rest), rel=1e-5)


def test_importance_is_ranked_as_a_library_ranks_it():
    generator = np.random.default_rng(0)
    importance = generator.normal(size=30)
    features = pd.DataFrame(
        {"good": np.exp(importance), "noise": generator.normal(size=30), "flat": np.ones(30)}
    )
    table = structure.predict_importance(features, importance, resamples=200, seed=0)
    table = table.set_index("statistic")
    assert table.loc["good", "spearman"] == pytest.approx(1)
    expected = stats.spearmanr(features["noise"], importance)
    assert table.loc["noise", "spearman"] == pytest.approx(expected.statistic)
    assert table.loc["noise", "p_holm"] >= expected.pvalue
    assert table.loc["flat", "spearman"] == 0 and table.loc["flat", "p"] == 1


def test_plan_spreads_steps_by_epochs():
    assert growth.plan(PHASES, ROLES, 8) == [
        Phase("one", 0, 6, (1, 2), False),
        Phase("two", 6, 8, (0, 1, 2, 4, 5), True),
    ]


def test_permuted_roles_keep_their_sizes():
    shuffled = growth.permuted(ROLES, seed=0)
    sizes = lambda roles: {role: len(layers) for role, layers in roles.items()}
    assert sizes(shuffled) == sizes(ROLES)
    assert sorted(layer for layers in shuffled.values() for layer in layers) == list(range(6))
    assert shuffled != ROLES


def test_flops_count_the_forward_pass_of_frozen_layers():
    cost = Cost(per_layer=10, always=1, layers=6)
    assert cost.step(6) == 6 * (10 * 6 + 1)
    assert cost.step(0) == 4 * 60 + 6
    phases = growth.plan(PHASES, ROLES, 8)
    spent = growth.flops(phases, cost, tokens_per_step=2)
    assert len(spent) == 8
    assert spent[0] == 2 * cost.step(2) and spent[-1] - spent[-2] == 2 * cost.step(5)
    assert growth.equal_flops_steps(phases, cost) == round(spent[-1] / (2 * cost.step(6)))


def test_accounting_lets_frozen_layers_cost_nothing():
    assert growth.accounting_saved(PHASES, ROLES) == pytest.approx(100 * (1 - (3 * 2 + 5) / 24))
    against_one_epoch = growth.accounting_saved(PHASES, ROLES, uniform_epochs=1)
    assert against_one_epoch == pytest.approx(100 * (1 - (3 * 2 + 5) / 6))


def test_splits_are_clean_or_overlap_as_named(split):
    assert split["clean"].overlap < 0.05
    assert split["overlap"].overlap == 1
    assert torch.equal(split["clean"].validation, split["overlap"].validation)
    assert len(split["clean"].train) < len(split["overlap"].train)


def test_frozen_layers_stay_and_anti_layers_are_only_scaled(section, split):
    start = growth_training.build(section, seed=0)
    phases = growth.plan(section.phases, section.roles, section.steps)
    seen = []
    growth_training.train(
        section.model_copy(update={"checkpoint_every": 1}),
        split["clean"],
        phases,
        section.roles["anti"],
        seed=0,
        save=lambda state: seen.append({k: v.clone() for k, v in state["model"].items()}),
    )
    name = "model.layers.{}.mlp.up_proj.weight"
    initial, early, late = start.state_dict(), seen[0], seen[-1]
    assert all(torch.equal(early[name.format(i)], initial[name.format(i)]) for i in (0, 5, 6, 11))
    assert not any(torch.equal(early[name.format(i)], initial[name.format(i)]) for i in (3, 4))
    for layer in section.roles["anti"]:
        torch.testing.assert_close(late[name.format(layer)], 0.9 * initial[name.format(layer)])


def test_more_phases_than_steps_to_share_leave_each_its_step():
    tail = [GrowthPhase(name=str(place), epochs=1, roles=("core",)) for place in range(3)]
    phases = growth.plan([GrowthPhase(name="long", epochs=99, roles=("core",)), *tail], ROLES, 6)
    assert [(phase.start, phase.stop) for phase in phases] == [(0, 3), (3, 4), (4, 5), (5, 6)]


@pytest.mark.parametrize("later", [range(12), (0,)], ids=["uniform", "most layers frozen"])
def test_interrupted_training_ends_in_the_same_losses(section, split, later):
    phases = [
        Phase("first", 0, 7, tuple(range(section.layers)), False),
        Phase("second", 7, section.steps, tuple(later), False),
    ]
    whole = growth_training.train(section, split["clean"], phases, (), seed=1)

    def stop(state):
        stop.state = state
        if state["step"] > phases[1].start:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        growth_training.train(section, split["clean"], phases, (), seed=1, save=stop)
    rest = growth_training.train(section, split["clean"], phases, (), seed=1, saved=stop.state)
    assert (rest.steps, rest.losses) == (whole.steps, whole.losses)


def test_wild_learning_rate_names_phase_and_step(section, split):
    wild = section.model_copy(update={"learning_rate": 1e30})
    phases = growth.uniform(section.layers, section.steps)
    with pytest.raises(TrainingError, match=r"phase uniform, layers .* step \d+: loss is nan"):
        growth_training.train(wild, split["clean"], phases, (), seed=0)


def test_full_size_model_has_the_published_parameter_count():
    section = params.compose("laptop").anatomy_growth
    full = section.model_copy(update={"vocabulary": 2048, "width": 256, "feed_forward": 640})
    with torch.device("meta"):
        model = growth_training.LlamaForCausalLM(growth_training.config(full))
    assert round(model.num_parameters() / 1e6, 2) == 9.57


def test_ratios_compare_the_arms_they_name(section):
    losses = {"uniform": 4.0, "uniform_equal_flops": 6.0, "uniform_restarts": 3.0}
    arms = [*losses, *growth_study.GROWN.values(), *growth_study.HALF.values()]
    runs = {
        (setting, arm, seed): growth_training.Run([1], [losses.get(arm, 2.0)], 1.0 + seed)
        for setting in ("clean", "overlap")
        for arm in arms
        for seed in section.seeds
    }
    measured = growth_study.measured_losses(runs, section)
    assert measured["loss_ratio.equal_steps"]["model"].value == pytest.approx(2)
    assert measured["clean.loss_ratio.equal_flops"]["model"].value == pytest.approx(3)
    assert measured["loss_ratio.equal_restarts"]["permuted_roles"].value == pytest.approx(1.5)
    assert growth_study.measured_seconds(runs)["seconds_saved_percent"]["model"].value == 0
