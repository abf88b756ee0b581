"""What each schedule visits, and which ones are refused."""

from itertools import permutations
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata import schedules
from strata.schedules import THROUGH, Schedule, ScheduleError, prefix_tree


@st.composite
def depth_and_start(draw):
    depth = draw(st.integers(2, 40))
    return depth, draw(st.sampled_from(schedules.starts(depth)))


def middle(schedule, s):
    """The steps between head 0..s and tail T-s..T-1, which must stand where they were."""
    T, steps = schedule.depth, schedule.steps
    assert steps[: s + 1] == tuple(range(s + 1))
    assert s == 0 or steps[-s:] == tuple(range(T - s, T))
    return steps[s + 1 : len(steps) - s]


@given(depth_and_start())
def test_affected_layers_are_the_paper_s(case):
    T, s = case
    assert len(schedules.affected(T, s)) == T - 1 - 2 * s >= 1
    assert set(schedules.affected(T, s)) == set(range(T)) - set(range(s + 1)) - set(range(T - s, T))


@given(depth_and_start(), st.integers(1, 28), st.integers(0, 5))
def test_each_variant_visits_what_the_paper_says(case, loops, seed):
    T, s = case
    M = T - 1 - 2 * s
    inner = tuple(range(s + 1, T - s))
    assert middle(schedules.full(T), s) == inner
    assert middle(schedules.skip(T, s), s) == ()
    assert middle(schedules.middle_repeat(T, s), s) == (T // 2,) * M
    assert middle(schedules.reverse(T, s), s) == tuple(reversed(inner))
    shuffled = schedules.random_order(T, s, seed)
    assert sorted(middle(shuffled, s)) == list(inner)
    assert shuffled == schedules.random_order(T, s, seed)
    looped = schedules.parallel(T, s, loops)
    assert middle(looped, s) == ((inner if M > 1 else inner[0]),) * loops
    assert len(looped.visits) == T + (loops - 1) * M


@given(depth_and_start())
def test_one_affected_layer_is_the_full_model(case):
    T, s = case
    one = len(schedules.affected(T, s)) == 1
    for variant in (schedules.middle_repeat, schedules.parallel):
        assert (variant(T, s) == schedules.full(T)) == one
    assert (schedules.reverse(T, s) == schedules.full(T)) == one


@given(depth_and_start(), st.integers(1, 130), st.integers(0, 3))
def test_random_orders_never_repeat_and_are_all_when_few(case, count, seed):
    T, s = case
    M = T - 1 - 2 * s
    orders = [middle(each, s) for each in schedules.random_orders(T, s, count, seed)]
    assert len(set(orders)) == len(orders) == min(count, factorial(M))
    if factorial(M) <= count:
        assert set(orders) == set(permutations(range(s + 1, T - s)))


@given(st.integers(2, 40), st.data())
def test_single_layer_variants(T, data):
    i = data.draw(st.integers(0, T - 1))
    assert schedules.skip_layer(T, i).steps == tuple(j for j in range(T) if j != i)
    j = data.draw(st.integers(0, T - 2))
    swapped = list(range(T))
    swapped[j], swapped[j + 1] = swapped[j + 1], swapped[j]
    assert list(schedules.swap_layers(T, j).steps) == swapped


@given(depth_and_start())
def test_start_for_inverts_affected(case):
    T, s = case
    assert schedules.start_for(T, len(schedules.affected(T, s))) == s


@pytest.mark.parametrize("M", [0, 2, 30, 31, -1])
def test_impossible_number_of_affected_layers_lists_the_possible(M):
    with pytest.raises(ScheduleError, match=rf"T=30, M={M}: .* among 1, 3, 5, .* 29"):
        schedules.start_for(30, M)


@pytest.mark.parametrize("s", [-1, 15, 16, 40])
@pytest.mark.parametrize("variant", ["skip", "middle_repeat", "reverse", "parallel", "affected"])
def test_impossible_start_names_depth_start_and_range(variant, s):
    with pytest.raises(ScheduleError, match=rf"T=30, s={s}: expected s from 0 to 14"):
        getattr(schedules, variant)(30, s)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedules.parallel(6, 1, loops=0), "T=6, s=1, loops=0"),
        (lambda: schedules.skip_layer(6, 6), "T=6, i=6: expected i from 0 to 5"),
        (lambda: schedules.swap_layers(6, 5), "T=6, i=5: expected i from 0 to 4"),
        (lambda: Schedule(6, (0, (1, 9))), r"T=6: layers \[9\] do not exist"),
        (lambda: Schedule(6, ()), "T=6: expected at least one layer"),
        (lambda: Schedule(6, (0, ())), "T=6: expected at least one layer"),
        (lambda: Schedule(6, (0, (THROUGH,))), "T=6: expected a layer in every step"),
    ],
)
def test_other_impossible_schedules_are_refused(call, message):
    with pytest.raises(ScheduleError, match=message):
        call()


def test_prefix_tree_shares_beginnings_and_counts_each_once():
    made = [schedules.full(6), schedules.skip(6, 1), schedules.parallel(6, 1), schedules.full(6)]
    tree = prefix_tree(made)
    branching = tree.children[0].children[1]
    assert set(branching.children) == {2, 5, (2, 3, 4)}
    assert schedules.layer_executions(made) == 2 + 4 + 1 + 3 + 1
    assert schedules.layer_executions(made[:1] * 9) == 6


def test_looped_passes_share_their_beginning():
    looped = [schedules.parallel(30, 9, loops) for loops in range(1, 29)]
    assert schedules.layer_executions(looped) == 10 + 28 * 11 + 28 * 9
