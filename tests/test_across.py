"""What joins the papers, on cases whose answers are known."""

import json
import runpy

import numpy as np
import pandas as pd
import pytest
from conftest import draws
from scipy import stats

from strata import paths
from strata.across import answers, association, classes, predictors, runs, shapes, touch
from strata.evidence import MODEL, RANDOM
from strata.records import Estimate
from strata.statistics import resampling_weights

SECTION = "across_papers"


def test_costs_in_nats_come_first_as_they_are_and_then_resampled():
    times = resampling_weights(3, 50, seed=0)
    assert (times[0] == 1).all() and (times.sum(axis=1) == 3).all() and len(times) == 51
    nll, base, tokens = np.array([[5.0, 7, 9]]), np.array([4.0, 6, 6]), np.array([2.0, 2, 6])
    costs = association.nats_per_token(nll, base, tokens, times)
    assert costs[0, 0] == pytest.approx(5 / 10)
    assert costs[0, 1] == pytest.approx((nll - base)[0] @ times[1] / (tokens @ times[1]))


def test_correlation_is_the_librarys_and_its_null_has_the_known_width():
    first, second = np.random.default_rng(0).normal(size=(2, 30))
    expected = stats.spearmanr(first, second).statistic
    assert association.correlation(first, second) == pytest.approx([expected])
    null = association.permuted([(first, second)], 4000, seed=0)
    assert null.value == pytest.approx(0, abs=0.02)
    assert null.high == pytest.approx(1.96 / np.sqrt(29), abs=0.03)


def test_closeness_falls_towards_the_middle():
    assert association.closeness_to_an_end(5).tolist() == [0, -1, -2, -1, 0]


def test_a_profile_is_read_at_relative_depths():
    line = draws(*np.linspace(0, 29, 30))
    assert shapes.at_depth(line, 30) == pytest.approx(line)
    assert shapes.at_depth(line, 18)[:, 0] == pytest.approx(np.linspace(0, 29, 18))


def test_gini_and_centre_of_known_profiles():
    assert shapes.gini(draws(2, 2, 2, 2)) == pytest.approx(np.zeros(201))
    assert shapes.gini(draws(0, -1, 0, 3)) == pytest.approx(np.full(201, 0.75))
    run = runs.Run(draws(-1, 0, 1, 3), draws(0, 0, 0), {}, np.ones(4), pd.DataFrame())
    assert shapes.centre(run) == pytest.approx(np.full(201, (2 / 3 + 3) / 4))


def test_three_blocks_are_found_and_explain_importance_as_kruskal_says():
    truth = np.repeat([0, 1, 2], [2, 5, 3])
    noise = np.random.default_rng(0).normal(0, 0.05, (10, 10))
    similarity = np.where(truth[:, None] == truth, 0.9, 0.4) + (noise + noise.T) / 2
    labels = classes.three_classes(similarity)
    assert labels.tolist() == truth.tolist()
    assert len(classes.cuts(10)) == 36
    importance = np.random.default_rng(1).normal(size=10)
    h = stats.kruskal(*(importance[truth == each] for each in range(3))).statistic
    assert classes.explained(labels, importance[:, None])[0] == pytest.approx(h / 9)


def test_classes_are_measured_against_other_cuts_and_drawn_layers():
    depth = 12
    place = np.arange(depth + 1)
    block = np.digitize(place, (3, 11))  # layers 0-1, 2-9, 10-11
    table = pd.DataFrame(
        [
            {"subject": subject, "measure": measure, "state": i, "other": j}
            | {"similarity": float(block[i] == block[j])}
            for subject in (MODEL, RANDOM)
            for measure in classes.MEASURES
            for i in place
            for j in place[i:]
        ]
    )
    low = draws(9, 8, *range(8), 7, 9.5)
    important = {(MODEL, classes.READING): low, (RANDOM, classes.READING): low[::-1]}
    shown, found = classes.measurements(table, important, redundant=4)
    middle = shown.query("subject == 'model' and `class` == 'middle'")["layer"].unique()
    assert middle.tolist() == list(range(2, 10))
    measured = found["classes.released.redundant_in_middle"]
    assert measured[MODEL] == (1, 1, 1)
    assert measured[classes.DRAWN].value == pytest.approx(8 / 12)
    assert found["classes.released.core_in_middle"][MODEL].value == 0.75
    explained = found["classes.released.explained"]
    assert explained[classes.ANY_CUT].low < explained[MODEL].value


def layers(importance, **features):
    return predictors.Layers(pd.DataFrame(features), np.asarray(importance, float))


def test_signs_are_learned_on_the_other_models():
    table = pd.DataFrame({"good": [0.9, 0.8, 0.7], "turned": [0.5, 0.6, -0.9]})
    scores = predictors.held_out(table)
    assert scores["good"].tolist() == [0.9, 0.8, 0.7]
    assert scores["turned"].tolist() == pytest.approx([-0.5, -0.6, -0.9])
    assert scores[predictors.CHOSEN].tolist() == [0.9, 0.8, 0.7]


def test_a_planted_statistic_is_found_and_noise_is_not(section):
    generator = np.random.default_rng(0)
    trained_models, untrained_models = {}, {}
    for model in "abcdefg":
        importance = generator.normal(size=20)
        noise = generator.normal(size=20)
        trained_models[model] = [layers(importance, planted=-np.exp(importance), noise=noise)]
        untrained_models[model] = [layers(importance, planted=noise, noise=noise)]
    table, found = predictors.measurements(trained_models, untrained_models, section)
    assert len(table) == 14
    assert found["predictor.planted"][MODEL].value == pytest.approx(1)
    assert found["predictor.planted"][association.PERMUTED].high < 0.5
    rows = answers.answers(found).set_index(["key", "null"])
    assert rows.loc[("predictor.planted", association.PERMUTED), "finding"] == "above"
    assert rows.loc[("predictor.noise", RANDOM), "finding"] == "not told apart"
    assert found[f"predictor.{predictors.CHOSEN}"][MODEL].value == pytest.approx(1)


def test_findings_are_read_off_intervals():
    ours = Estimate(0.5, 0.4, 0.6)
    assert answers.finding(ours, Estimate(0, -0.1, 0.3)) == "above"
    assert answers.finding(ours, Estimate(1, 0.7, 1.2)) == "below"
    assert answers.finding(ours, Estimate(0, -0.1, 0.5)) == "not told apart"
    assert answers.finding(None, Estimate(0, 0, 0)) == "not run"
    table = answers.answers({"touch.x": {MODEL: ours}, "anatomy.y": {}})
    assert table["null"].tolist() == ["zero", "zero"]
    assert table["finding"].tolist() == ["above", "not run"]


def test_importance_that_is_harm_predicts_it_and_position_is_told_from_it(section):
    depth, items, passages = 12, 40, 25
    strength = np.random.default_rng(3).permutation(depth)
    table = {"item": np.arange(items), "full": 1}
    for layer in range(depth):
        table[f"skip.{layer}"] = (np.arange(items) >= 2 * strength[layer]).astype(int)
    for layer in range(depth - 1):
        lost = strength[layer] + strength[layer + 1]
        table[f"swap.{layer}"] = (np.arange(items) >= lost).astype(int)
    nll = {f"nll_L{layer}": 10.0 + strength[layer] for layer in range(depth)}
    rows = {"passage": np.arange(passages), "tokens": 5, "nll": 10.0} | nll
    subjects = [(MODEL, reading) for reading in ("neighbour_average", "skip")]
    ablated = pd.concat(
        [pd.DataFrame(rows).assign(subject=s, reading=r) for s, r in subjects], ignore_index=True
    )
    important = touch.importance(ablated, section)
    assert important[MODEL, "skip"][:, 0] == pytest.approx(strength / 5)
    harmed = touch.harm(pd.DataFrame(table), section)
    assert harmed["skip"][:, 0] == pytest.approx(2 * strength / items)
    found = touch.measurements(important, harmed, section)
    for key in ("touch.skip.skip", "touch.swap.skip", "touch.inner_skip.neighbour_average"):
        assert found[key][MODEL].value == pytest.approx(1)
        assert found[key][association.PERMUTED].high < 1
    assert found["touch.skip.skip.beyond_position"][MODEL].low > 0
    assert len(touch.table(important, harmed)) == 2 * (2 * depth - 1)


def test_evidence_about_different_models_is_not_joined(settings, tmp_path):
    script = runpy.run_path(str(paths.ROOT / "src" / "41_across_papers.py"))
    for file, model in (("anatomy/ablation.json", "one"), ("painters/single_layer.json", "two")):
        (tmp_path / file).parent.mkdir()
        about = {"model": model, "passages": 1, "items": 1}
        (tmp_path / file).write_text(json.dumps({"about": about}))
    message = "about one, paper C's about two; set anatomy_model"
    with pytest.raises(script["AcrossError"], match=message):
        script["conditions"](settings, tmp_path)
