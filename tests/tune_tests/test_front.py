import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tune.front import Place, dominates, most_crowded, pareto_front
from tune.podium import Podium

# Few values, so that equal ones and dominated ones are frequent.
points = st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 2.5, 3.0, 7.0])] * 2), min_size=1, max_size=14)
three = st.lists(st.tuples(*[st.integers(0, 4).map(float)] * 3), min_size=1, max_size=14)


def numbered(drawn: list[tuple[float, ...]]) -> list[Place]:
    return [(point, number) for number, point in enumerate(drawn)]


@given(st.one_of(points, three))
def test_no_member_of_the_front_is_dominated_and_everything_else_is_dominated_by_a_member(
    drawn: list[tuple[float, ...]],
) -> None:
    places = numbered(drawn)
    front = pareto_front(places)
    assert not [member for member in front if any(dominates(place, member) for place in places)]
    assert all(any(dominates(member, place) for member in front) for place in places if place not in front)
    assert front[0] == min(places), "the best of all is its first"
    assert front == sorted(front)


@given(points, st.randoms())
def test_the_front_does_not_depend_on_the_order_in_which_trials_end(drawn: list[tuple[float, ...]], random: Random) -> None:
    places = numbered(drawn)
    shuffled = list(places)
    random.shuffle(shuffled)
    growing: list[Place] = []
    for place in shuffled:
        growing = pareto_front([*growing, place])
    assert growing == pareto_front(places)


@given(st.lists(st.floats(0, 9), min_size=1, max_size=9))
def test_where_nothing_is_weighed_against_it_the_front_is_the_best_trial(costs: list[float]) -> None:
    places = numbered([(cost,) for cost in costs])
    assert pareto_front(places) == [min(places)]


def test_of_equal_trials_the_earlier_stands_on_the_front_and_of_equally_good_ones_the_cheaper() -> None:
    assert pareto_front([((1.0, 5.0), 0), ((1.0, 4.0), 1), ((1.0, 4.0), 2)]) == [((1.0, 4.0), 1)]


def test_the_most_crowded_place_goes_first_and_the_ends_last() -> None:
    front = numbered([(0.0, 10.0), (1.0, 9.0), (5.0, 5.2), (5.5, 5.0), (10.0, 0.0)])
    gone = []
    while len(front) > 1:
        place = most_crowded(front)
        front.remove(place)
        gone.append(place[1])
    assert gone == [2, 1, 3, 4]


@given(points, st.integers(2, 6))
def test_kept_are_the_front_while_it_fits_and_its_best_and_its_cheapest_in_any_case(
    drawn: list[tuple[float, ...]], size: int
) -> None:
    podium, places, fits = Podium(size), numbered(drawn), True
    for count, ((cost, *costs), number) in enumerate(places, start=1):
        podium.add(number, cost, costs)
        kept = {place for place in places[:count] if place[1] not in podium.fallen}
        front = pareto_front(places[:count])
        fits = fits and len(front) <= size
        assert len(kept) == min(size, count)
        assert {front[0], front[-1]} <= kept
        assert not fits or set(front) <= kept
        assert podium.bar == math.inf, "a cheap one may stand there whatever it reaches"


@given(points, st.integers(2, 6), st.integers(0, 60))
def test_a_budget_takes_what_is_not_on_the_front_first_and_never_the_best(
    drawn: list[tuple[float, ...]], size: int, budget: int
) -> None:
    podium, places = Podium(size), numbered(drawn)
    for (cost, *costs), number in places:
        podium.add(number, cost, costs)
    before = {number for _, number in places} - set(podium.fallen)
    podium.fit(budget, lambda _: 10)
    after = {number for _, number in places} - set(podium.fallen)
    assert len(after) == max(1, min(len(before), budget // 10))
    assert min(places)[1] in after
    front = {number for _, number in pareto_front(places)}
    assert after <= front or before & front <= after


def test_one_whose_weights_are_gone_takes_no_place_but_beats_what_it_beat() -> None:
    podium = Podium(2)
    podium.add(0, 1.0, [1.0], kept=False)
    for number, point in enumerate([(2.0, 2.0), (0.5, 9.0), (3.0, 0.5)], start=1):
        podium.add(number, point[0], point[1:])
    assert podium.fallen == [1]
