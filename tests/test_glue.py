"""GLUE on encoders: features once, classifiers, fine-tuning, the study."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertForSequenceClassification, get_linear_schedule_with_warmup

from strata import paths, schedules
from strata.evidence import MODEL, RANDOM, SHUFFLED
from strata.execution import ExecutionError, scheduled
from strata.models import ModelError, blocks, load
from strata.painters import classifiers, glue_study
from strata.painters.converged import STRENGTHS, converged_answers
from strata.painters.encoder import batches, features, pooled
from strata.painters.finetuning import Reader, fine_tune
from strata.painters.variants import cases
from strata.params.benchmarks import GlueItems
from strata.schedules import ScheduleError
from strata.tasks import TaskError
from strata.tasks.glue import Examples, GlueData, read_glue
from strata.work import Work

SECTION = "painters_glue"
T = 6
NOWHERE = "data/nowhere"
SKIP = schedules.skip(T, 1)


@pytest.fixture(scope="module")
def loaded(settings):
    return load("painters_encoder", settings)


@pytest.fixture
def data(section):
    return read_glue("rte", section, GlueItems(train=20, validation=10), NOWHERE)


def test_features_are_those_of_each_schedule_in_the_order_of_the_texts(loaded, section, data):
    plan = [case.schedule for case in cases(T, section)]
    texts, tokenizer = data.train.texts, loaded.tokenizer
    parts = batches(texts, tokenizer, batch_size=7, max_tokens=32)
    found = features(loaded.model, plan, parts, "pooler", memory_gib=1)
    assert found.shape == (len(plan), 20, 32)
    for schedule, ours in zip(plan, found, strict=True):
        with scheduled(loaded.model, schedule):
            for text, row in zip(texts[:3], ours[:3], strict=True):
                one = tokenizer(*text, truncation=True, max_length=32, return_tensors="pt")
                expected = loaded.model(**one).pooler_output[0]
                torch.testing.assert_close(row, expected, rtol=0, atol=1e-5)


def test_mean_pooling_leaves_padding_out_and_a_missing_pooler_is_named(loaded):
    hidden, mask = torch.randn(2, 5, 32), torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    mean = pooled(loaded.model, hidden, mask, "mean")
    torch.testing.assert_close(mean[0], hidden[0, :3].mean(dim=0))
    with pytest.raises(ModelError, match="set painters_glue.pooling to mean"):
        pooled(nn.Linear(2, 2), hidden, mask, "pooler")


def test_a_schedule_for_another_depth_is_refused(loaded, section, data):
    parts = batches(data.train.texts, loaded.tokenizer, 8, 32)
    with pytest.raises(ScheduleError, match="T=24: the model has T=6"):
        features(loaded.model, [schedules.skip(24, 9)], parts, "pooler", 1)
    with pytest.raises(ExecutionError, match="schedule is for T=24, the model has T=6"):
        fine_tune(loaded, schedules.skip(24, 9), data, 2, section, seed=0)


def alone(features_NxD, labels_N, outputs, recipe, seed):
    """One linear classifier trained the plain way."""
    generator = torch.Generator().manual_seed(seed)
    layer = nn.Linear(features_NxD.shape[1], outputs)
    drawn = torch.randn(features_NxD.shape[1], outputs, generator=generator.clone_state())
    layer.weight.data, layer.bias.data = 0.02 * drawn.T.contiguous(), torch.zeros(outputs)
    order = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=recipe.learning_rate, weight_decay=0)
    steps = recipe.epochs * -(-len(labels_N) // recipe.batch_size)
    decay = get_linear_schedule_with_warmup(optimiser, 0, steps)
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(labels_N), generator=order).split(recipe.batch_size):
            optimiser.zero_grad()
            found = layer(features_NxD[rows])
            if outputs == 1:
                loss = nn.functional.mse_loss(found[:, 0], labels_N[rows].float())
            else:
                loss = nn.functional.cross_entropy(found, labels_N[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
            optimiser.step()
            decay.step()
    return layer


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_classifiers_side_by_side_are_each_trained_alone(section, outputs):
    torch.manual_seed(0)
    table_SxNxD = 5 * torch.randn(4, 50, 16)
    labels_N = torch.arange(50) % outputs if outputs > 1 else torch.rand(50).double() * 5
    recipe = section.frozen.model_copy(update={"batch_size": 16})
    heads = classifiers.trained(lambda rows: table_SxNxD[:, rows], labels_N, outputs, recipe, 3)
    for i, own in enumerate(table_SxNxD):
        single = alone(own, labels_N, outputs, recipe, seed=3)
        torch.testing.assert_close(heads.weight_SxDxC[i].T, single.weight, rtol=1e-4, atol=1e-5)
    answers = classifiers.predictions(heads, table_SxNxD)
    expected = single(own)[:, 0] if outputs == 1 else single(own).argmax(dim=1)
    torch.testing.assert_close(answers[-1], expected)


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_the_converged_readout_leaves_no_gradient(outputs):
    generator = np.random.default_rng(0)
    table, fresh = generator.normal(3, 5, size=(60, 8)), generator.normal(3, 5, size=(9, 8))
    labels = generator.normal(size=60) if outputs == 1 else np.arange(60) % outputs
    targets = labels[:, None] if outputs == 1 else 2.0 * (labels[:, None] == range(outputs)) - 1
    standard = lambda rows: (rows - table.mean(axis=0)) / table.std(axis=0)
    inputs, centre = standard(table), targets.mean(axis=0)
    errors, weights = [], []
    for strength in STRENGTHS:
        inverse = np.linalg.inv(inputs.T @ inputs + strength * np.eye(8))
        leverage = np.diag(inputs @ inverse @ inputs.T) + 1 / 60
        weights.append(inverse @ inputs.T @ (targets - centre))
        left = (targets - centre - inputs @ weights[-1]) / (1 - leverage)[:, None]
        errors.append(np.square(left).mean())
    outcome = standard(fresh) @ weights[np.argmin(errors)] + centre
    expected = outcome[:, 0] if outputs == 1 else outcome.argmax(axis=1)
    found = converged_answers(table, labels, fresh, outputs)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_reader_with_a_pooler_is_the_librarys_classifier(loaded):
    torch.manual_seed(0)
    ours = Reader(loaded.model, "pooler", 2).eval()
    theirs = BertForSequenceClassification(loaded.model.config).eval()
    theirs.bert.load_state_dict(loaded.model.state_dict())
    theirs.classifier.load_state_dict(ours.classifier.state_dict())
    inputs = loaded.tokenizer(["A plain line."], ["Another."], return_tensors="pt")
    labels = torch.tensor([1])
    with torch.no_grad():
        one, two = ours(**inputs, labels=labels), theirs(**inputs, labels=labels)
    torch.testing.assert_close(one["logits"], two.logits)
    torch.testing.assert_close(one["loss"], two.loss)


def test_fine_tuning_trains_the_layers_that_run_and_no_other(loaded, section, data):
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    tuned = fine_tune(loaded, SKIP, data, 2, section, seed=1)
    assert tuned.predictions_N.shape == (10,)
    for i, layer in enumerate(blocks(tuned.reader.encoder)):
        changed = [
            not torch.equal(value, before[f"encoder.layer.{i}.{name}"])
            for name, value in layer.state_dict().items()
        ]
        assert any(changed) == (i in SKIP.visits)
        if i not in SKIP.visits:
            assert all(parameter.grad is None for parameter in layer.parameters())
    assert all(torch.equal(value, before[k]) for k, value in loaded.model.state_dict().items())
    again = fine_tune(loaded, SKIP, data, 2, section, seed=1)
    assert torch.equal(tuned.reader.classifier.weight, again.reader.classifier.weight)


def test_fine_tuning_learns_what_is_easy_and_regresses_scores(loaded, section):
    texts = [("good " * 5,) if i % 2 else ("bad " * 5,) for i in range(32)]
    recipe = section.finetuned.model_copy(update={"epochs": 8, "learning_rate": 3e-3})
    eager = section.model_copy(update={"finetuned": recipe, "pooling": "mean"})
    for outputs, labels_N in ((2, np.arange(32) % 2), (1, 5.0 * (np.arange(32) % 2))):
        examples = Examples(texts, labels_N)
        data, schedule = GlueData(examples, examples, {}), schedules.parallel(T, 1)
        found = fine_tune(loaded, schedule, data, outputs, eager, seed=0).predictions_N
        assert np.corrcoef(found, labels_N)[0, 1] > 0.95


def test_an_interrupted_study_goes_on_and_gives_the_same(loaded, section, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "WORK", tmp_path)
    small = section.model_copy(update={"tasks": ("sst2",), "affected": [3], "orders": 1})
    read = partial(glue_study.read_all, small, NOWHERE)
    whole = list(glue_study.study(loaded, small, read, Work("one", {})))
    tuned = []

    def counted(*arguments):
        tuned.append(arguments[1])
        if len(tuned) == 3:
            raise KeyboardInterrupt
        return fine_tune(*arguments)

    monkeypatch.setattr(glue_study, "fine_tune", counted)
    with pytest.raises(KeyboardInterrupt):
        list(glue_study.study(loaded, small, read, Work("two", {})))
    again = list(glue_study.study(loaded, small, read, Work("two", {})))
    assert len(tuned) == 1 + 3 * len(whole[2].cases)
    for one, two in zip(whole, again, strict=True):
        assert (one.subject, one.reading) == (two.subject, two.reading)
        assert np.array_equal(one.answers["sst2"].answers, two.answers["sst2"].answers)
    assert [each.subject for each in whole[::3]] == [MODEL, RANDOM, SHUFFLED]


def test_nothing_runs_before_every_file_is_known_to_be_good(loaded, section, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "WORK", tmp_path)
    monkeypatch.setattr(glue_study, "frozen_answers", pytest.fail)
    bad = section.model_copy(update={"tasks": ("cola", "stsb")})
    read = partial(glue_study.read_all, bad, NOWHERE)
    with pytest.raises(TaskError, match="stsb: there is no authored set"):
        next(glue_study.study(replace(loaded), bad, read, Work("bad", {})))
