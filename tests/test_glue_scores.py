"""GLUE's metrics, averages and measurements."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from strata.painters import glue_scores
from strata.painters.glue_scores import Predictions
from strata.painters.variants import VARIANTS, cases
from strata.params import compose
from strata.tasks.glue import Examples, GlueData

SECTION = "painters_glue"
T = 6
BALANCED = Examples([("a",), ("b",)], np.array([0, 1]))


@pytest.fixture
def answered():
    generator = np.random.default_rng(0)
    labels_N = generator.integers(2, size=60)
    flips = generator.random((3, 2, 60)) < np.array([0.1, 0.3, 0.5])[:, None, None]
    return Predictions(labels_N, np.where(flips, 1 - labels_N, labels_N))


def test_metrics_are_scikit_learns_and_scipys(answered):
    labels, scores = answered.labels_N, np.random.default_rng(1).normal(size=(3, 60)).round(1)
    ranked = labels + scores[0].round()
    for answers in answered.answers.reshape(-1, 60):
        assert glue_scores.accuracy(labels, answers) == metrics.accuracy_score(labels, answers)
        assert glue_scores.f1(labels, answers) == pytest.approx(metrics.f1_score(labels, answers))
        expected = metrics.matthews_corrcoef(labels, answers)
        assert glue_scores.METRICS["mcc"](labels, answers) == pytest.approx(expected)
    for answers in scores:
        expected = stats.pearsonr(ranked, answers).statistic
        assert glue_scores.pearson(ranked, answers) == pytest.approx(expected)
        expected = stats.spearmanr(ranked, answers).statistic
        assert glue_scores.spearman(ranked, answers) == pytest.approx(expected)
    same = np.ones(60, dtype=int)
    assert glue_scores.METRICS["mcc"](labels, same) == metrics.matthews_corrcoef(labels, same) == 0
    assert glue_scores.f1(labels, 1 - same) == metrics.f1_score(labels, 1 - same) == 0


def test_scores_average_seeds_and_pair_their_resamples(answered):
    found = glue_scores.scores("mrpc", answered, resamples=400, seed=0)
    labels_N = answered.labels_N
    whole = [[metrics.f1_score(labels_N, each) for each in case] for case in answered.answers]
    np.testing.assert_allclose(found.metrics["f1"][:, 0], np.mean(whole, axis=1))
    mean = (found.metrics["f1"] + found.metrics["accuracy"]) / 2
    np.testing.assert_allclose(found.mean, mean, atol=1e-12)
    low, high = np.quantile(found.mean[:, 1:], [0.025, 0.975], axis=1)
    assert (low < found.mean[:, 0]).all() and (found.mean[:, 0] < high).all()
    twin = Predictions(answered.labels_N, answered.answers[[1, 1]])
    paired = glue_scores.scores("mrpc", twin, resamples=50, seed=0).mean
    assert np.array_equal(paired[0], paired[1]) and paired[0, 1:].std() > 0


def test_tasks_of_one_size_are_resampled_apart(answered):
    one, other = (
        glue_scores.scores(task, answered, resamples=200, seed=0).metrics["accuracy"][0, 1:]
        for task in ("sst2", "rte")
    )
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.5


def test_guessing_answers_the_commonest_training_label():
    train = Examples([("a",)] * 3, np.array([1, 1, 0]))
    validation = Examples([("a",)] * 4, np.array([1, 0, 0, 0]))
    assert glue_scores.guess("sst2", GlueData(train, validation, {})) == 0.25
    assert glue_scores.guess("cola", GlueData(train, validation, {})) == 0


def test_measurements_are_the_differences_of_the_curves(section):
    made = cases(T, section)
    heights = {"full": 0.9, "skip": 0.5, "middle_repeat": 0.2, "reverse": 0.6}
    heights |= {"random_order": 0.7, "parallel": 0.55, "looped_parallel": 0.75}
    score = np.array([[heights[case.variant]] * 11 for case in made])
    curve = glue_scores.curves(made, score)
    found = glue_scores.measurements(curve, full=np.array([0.9]), guessed=0.4, depth=T)
    assert {*found, glue_scores.BEATS_FULL} == set(glue_scores.every_key())
    assert found["area.skip_minus_middle_repeat"].value == pytest.approx(0.3)
    assert found["kept.skip"].value == pytest.approx((0.5 - 0.4) / (0.9 - 0.4))
    assert found["middle_repeat_rank"].value == 1
    assert found["looped_and_random_among_best_two"].value == 2
    assert list(curve.variants) == list(VARIANTS)

    few = [case for case in made if case.variant in ("full", "skip") and case.affected in (0, 3)]
    curve = glue_scores.curves(few, score[: len(few)])
    part = glue_scores.measurements(curve, full=np.array([0.9]), guessed=0.4, depth=T)
    assert set(part) == {"area.skip", "kept.skip", "full_minus_guess"}


def test_only_learned_tasks_are_judged():
    data = dict.fromkeys(("sst2", "rte", "wnli"), GlueData(BALANCED, BALANCED, {}))
    full = {"sst2": [0.9, 0.85, 0.95], "rte": [0.56, 0.5, 0.6], "wnli": [0.5, 0.5, 0.5]}
    scores = {task: glue_scores.Scores({}, np.array([each])) for task, each in full.items()}
    assert glue_scores.learned(scores, data, 0) == ["sst2"]
    del scores["sst2"], data["sst2"]
    assert glue_scores.learned(scores, data, 0) == ["rte", "wnli"]


@pytest.mark.parametrize(("gain", "seen"), [(0.0, False), (0.1, True)])
def test_looped_parallel_beats_the_full_model_only_beyond_the_noise_of_every_look(gain, seen):
    section = compose("smoke").painters_glue
    made = cases(T, section.model_copy(update={"affected": [1, 3]}))
    noise = np.random.default_rng(0).normal(0, 0.01, size=(4, len(made), 501))
    lift = np.array([gain * (case.variant == "looped_parallel") for case in made])
    tasks = ["cola", "sst2", "mrpc", "rte"]
    scores = {
        task: glue_scores.Scores({}, 0.6 + each + lift[:, None])
        for task, each in zip(tasks, noise, strict=True)
    }
    found = glue_scores.beats_full(scores, made, tasks)[glue_scores.BEATS_FULL]
    assert (found.low > 0) == seen
    assert glue_scores.beats_full(scores, made[:1], tasks) == {}


def test_the_released_number_is_that_of_its_own_model(section):
    made = cases(24, section)
    by_task = {"rte": np.full((len(made), 5), 0.6)}
    large = {"repository": glue_scores.RELEASED_MODEL}
    assert glue_scores.released(made, by_task, large).value == pytest.approx(0.6)
    assert glue_scores.released(made, by_task, {"name": "all-MiniLM-L6-v2"}) is None
