"""Next-token measures against a forward pass without the sweep, and from sums to fidelity."""

import numpy as np
import pytest
import torch
from conftest import by_hand
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from strata import params, paths, schedules
from strata.execution import finished
from strata.painters import fidelity, fidelity_scores, fidelity_study
from strata.painters.catalogue import PASSES
from strata.painters.fidelity import MEASURES, Case
from strata.painters.fidelity_scores import FULL, UNIGRAM, Curves
from strata.params import ParamsError
from strata.schedules import ScheduleError

SECTION = "painters_fidelity"
LAPTOP = params.read(paths.PARAMS).painters_fidelity
PLAN = [
    schedules.full(6),
    schedules.skip(6, 1),
    schedules.reverse(6, 1),
    schedules.parallel(6, 0, 2),
    schedules.parallel_pairs(6, 0),
    schedules.middle_again(6, 1, 3),
    schedules.middle_damped(6, 1, 3),
]


def uniform(model):
    return torch.full((model.config.vocab_size,), 1 / model.config.vocab_size).log()


def alone(model, schedule, batch):
    """Log-probabilities of the model with its blocks called one by one: B x L x V."""
    hidden = by_hand(model, schedule, lambda: model(batch.ids_BxL, batch.mask_BxL, use_cache=False))
    return finished(model, hidden, batch).logits.double().log_softmax(dim=-1)


def test_measures_equal_those_of_a_forward_pass_of_each_edited_model(any_model, batch):
    found = fidelity.measured(any_model, PLAN, batch, uniform(any_model), 1.0)
    full = alone(any_model, PLAN[0], batch)
    log_q = uniform(any_model).double().expand_as(full)
    for sums, edited in zip(
        found, [log_q, *(alone(any_model, each, batch) for each in PLAN)], strict=True
    ):
        for row, count in enumerate(batch.mask_BxL.sum(dim=1)):
            p, q = full[row, : count - 1], edited[row, : count - 1]
            nll = functional.nll_loss(q, batch.ids_BxL[row, 1:count], reduction="sum")
            agree = (p.argmax(dim=-1) == q.argmax(dim=-1)).sum()
            kl = functional.kl_div(q, p, reduction="sum", log_target=True)
            expected = torch.stack([nll, agree, kl])
            assert torch.allclose(sums[row], expected, rtol=1e-4, atol=1e-3)


def test_the_unedited_model_agrees_with_itself_exactly(model, batch):
    _, full, again = fidelity.measured(model, [PLAN[0]] * 2, batch, uniform(model), 1.0)
    _, agreement, kl = full.T
    assert agreement.tolist() == (batch.mask_BxL.sum(dim=1) - 1).tolist()
    assert kl.tolist() == [0] * len(kl) and torch.equal(full, again)


def sums_of(rates, texts=9):
    """Every text has ten tokens and these means of the measures: one row a case."""
    tokens = np.full(texts, 10.0)
    return fidelity_study.Sums(np.tile(10 * np.array(rates), (texts, 1, 1)), tokens)


@given(unigram=st.floats(0, 0.5), kept=st.floats(0, 1), nll=st.floats(1, 5), lead=st.floats(0.1, 5))
def test_fidelity_is_one_at_the_full_model_and_zero_at_the_unigram_model(unigram, kept, nll, lead):
    edit = Case("skip", 3, 1, PLAN[1])
    made = [Case("full", 0, 1, PLAN[0]), edit]
    between = [nll + (1 - kept) * lead, unigram + kept * (1 - unigram), 1 - kept]
    rates = [[nll + lead, unigram, 1], [nll, 1, 0], between]
    section = LAPTOP.model_copy(update={"resamples": 100})
    found = fidelity_scores.curves(sums_of(rates), made, 6, section, "hellaswag")
    for measure in MEASURES:
        assert (found.fidelity(FULL, measure) == 1).all()
        assert (found.fidelity(UNIGRAM, measure) == 0).all()
        assert found.fidelity(("skip", 3, 1), measure) == pytest.approx(kept, abs=1e-6)


def test_random_orders_that_are_a_sample_widen_the_interval():
    section = LAPTOP.model_copy(update={"resamples": 300})
    spread = [[4, 0.1, 1], [2, 1, 0], *([2, 0.5 + 0.1 * i, 0.5] for i in range(3))]
    widths = []
    for M in (3, 2):  # of six orders, and of two
        made = [Case("full", 0, 1, PLAN[0]), *[Case("random_order", M, 1, PLAN[2])] * 3]
        found = fidelity_scores.curves(sums_of(spread), made, 6, section, "hellaswag")
        widths.append(np.ptp(found.mean["random_order", M, 1], axis=1).max())
    assert widths[0] > 0.1 and widths[1] == pytest.approx(0)


def known(T, affected, height):
    """Curves without uncertainty; height: key -> agreement; the unigram model has 0."""
    mean = {UNIGRAM: (5, 0, 5), FULL: (1, 1, 0)} | {
        key: (5 - 4 * value, value, 5 - 5 * value) for key, value in height.items()
    }
    return Curves(
        T, affected, {key: np.tile(np.array(row)[:, None], 3) for key, row in mean.items()}
    )


def test_the_best_passes_are_found_with_their_line_and_where_it_ends():
    best = {1: 1, 3: 2, 5: 3, 7: 4, 9: 2}
    heights = {
        (PASSES, M, each): 1 - abs(each - most) / 10
        for M, most in best.items()
        for each in range(1, 6)
    }
    found = known(14, list(best), heights)
    assert fidelity_scores.best_passes(found)[:, 0].tolist() == list(best.values())
    measured = fidelity_scores.loop_line(found)
    assert measured["loops.slope"][0] == pytest.approx(0.2)
    assert measured["loops.grows_until"][0] == 7


def test_kinds_compare_the_relative_rise():
    rise = {"evaluation_text": 0.1, "hellaswag": 0.1, "arc_easy": 0.3, "gsm8k": 0.5}
    changes = ("reverse", "random_order", "skip", "parallel")
    by_kind = {
        kind: Curves(
            20,
            [1, 3, 7],
            {FULL: np.ones((3, 4))} | {(name, 3, 1): np.full((3, 4), 1 + up) for name in changes},
        )
        for kind, up in rise.items()
    }
    rows, measured = fidelity_scores.kinds(by_kind)
    assert len(rows) == len(rise) * len(changes)
    assert measured["kinds.reasoning_minus_semantic.orders"].value == pytest.approx(0.2)
    assert measured["kinds.maths_minus_semantic.parallel"].value == pytest.approx(0.4)
    assert measured["kinds.maths.parallel_minus_orders"].value == pytest.approx(0)


def test_one_curve_over_the_share_of_layers_is_no_difference():
    made = lambda T, affected: known(T, affected, {("skip", M, 1): 1 - M / T for M in affected})
    found = fidelity_scores.share_apart(made(30, [1, 5, 15, 25]), made(20, [1, 7, 15]))
    assert found.value == pytest.approx(0)
    other = known(20, [7], {("skip", 7, 1): 0.4})
    found = fidelity_scores.share_apart(made(30, [1, 15]), other)
    assert found.value == pytest.approx(0.25)


def test_answers_are_the_harness_right_ones(settings):
    found = fidelity_study.texts(settings)
    assert {len(texts) for kind, texts in found.items() if kind != "evaluation_text"} == {4}
    assert found["arc_easy"][0].startswith("Question: ") and "\nAnswer: " in found["arc_easy"][0]
    assert "####" in found["gsm8k"][0]


def test_counts_of_the_unigram_model_are_smoothed_by_one(batch):
    log_q = fidelity_study.unigram([batch], 61)
    scored = [
        int(token)
        for ids, mask in zip(batch.ids_BxL, batch.mask_BxL, strict=True)
        for token in ids[1 : mask.sum()]
    ]
    expected = [(scored.count(token) + 1) / (len(scored) + 61) for token in range(61)]
    assert log_q.exp().tolist() == pytest.approx(expected)


def test_what_cannot_be_compared_is_refused(section):
    with pytest.raises(
        ScheduleError, match="from 2 to 5, found \\[1, 7\\]; name one in painters_f"
    ):
        fidelity_scores.few_affected(20, [1, 7])
    with pytest.raises(ScheduleError, match="times=0: expected times from 1 on"):
        schedules.middle_again(6, 1, 0)
    with pytest.raises(ScheduleError, match="M=8: no s affects M layers"):
        fidelity.cases(20, section.model_copy(update={"affected": [3, 8]}))
    with pytest.raises(ParamsError, match=r"painters_fidelity\.second"):
        params.compose("smoke", ["painters_fidelity.second=other"])
