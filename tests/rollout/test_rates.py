"""Shares and intervals: known values, visitors of one mind, and the error of looking often."""

from __future__ import annotations

import pytest

from server.rollout.rates import Share, compare, difference_bounds, looks, share
from server.rollout.verdicts import judge_drift
from tests.rollout.turns import alone, turn
from tests.rollout.worlds import rolled_back

_Z = 1.959964


@pytest.mark.parametrize(
    ("old", "new", "low", "high"),
    [
        # Newcombe 1998, table II, examples a, b, d, e and h, method 10.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_interval_is_newcombes_method_10(
    old: tuple[int, int], new: tuple[int, int], low: float, high: float
) -> None:
    # The paper has first minus second; here it is new minus old.
    first, second = (Share(hits, n, n) for hits, n in (old, new))
    found = difference_bounds(second, first, _Z)
    assert found == pytest.approx((low, high), abs=1e-4)


def test_turns_of_visitors_of_one_mind_count_for_less() -> None:
    one_mind = [turn(n, f"vis_{n // 10}", label="refused" if n < 50 else "") for n in range(100)]
    own_minds = [turn(n, f"vis_{n}", label="refused" if n < 50 else "") for n in range(100)]
    assert share(own_minds, "refused").turns == pytest.approx(99, abs=1.1)
    assert share(one_mind, "refused").turns < 12
    assert share(one_mind, "refused").rate == share(own_minds, "refused").rate == 0.5


def test_each_kind_of_outcome_is_counted_apart() -> None:
    made = [
        turn(1, "a", label="refused"),
        turn(2, "b", label="handed_over"),
        turn(3, "c", status="failed", label=""),
        turn(4, "d", disliked=True),
    ]
    rows = {row.name: row for row in compare([], made, look=0)}
    assert {name: row.after for name, row in rows.items()} == dict.fromkeys(
        ("disliked", "refused", "handed_over", "failed"), 0.25
    )
    assert all(row.n_before == 0 and not row.surely_worse for row in rows.values())


def test_looks_double_and_never_come_before_fifty() -> None:
    assert list(looks(49)) == []
    assert list(looks(430)) == [(0, 50), (1, 100), (2, 200), (3, 400)]


def test_five_looks_at_equal_voices_cry_wolf_in_less_than_one_of_twenty() -> None:
    share_of_worlds = rolled_back(0.15, 0.15, worlds=200, turns=800)
    assert share_of_worlds <= 0.05


def test_a_doubled_share_of_refusals_is_found() -> None:
    share_of_worlds = rolled_back(0.15, 0.30, worlds=100, turns=800)
    assert share_of_worlds >= 0.95


def test_nothing_is_concluded_below_fifty_turns() -> None:
    assert judge_drift(alone([""] * 400), alone(["refused"] * 49, first=1000)).status is None
    assert judge_drift(alone([""] * 49), alone(["refused"] * 400, first=1000)).status is None


def test_turns_of_a_single_visitor_count_as_one() -> None:
    made = [turn(n, "vis_1", disliked=n % 2 == 0) for n in range(60)]
    assert share(made, "disliked").turns == 1
    assert share(made, "disliked").rate == 0.5


def test_visitors_who_are_all_against_it_count_once_each() -> None:
    made = [turn(n, f"vis_{n % 3}", disliked=True) for n in range(60)]
    assert share(made, "disliked").turns == 3


def test_one_angry_visitor_rolls_no_voice_back() -> None:
    before = alone([""] * 400)
    angry = [turn(1000 + n, "vis_angry", disliked=True) for n in range(200)]
    assert judge_drift(before, angry).status is None
