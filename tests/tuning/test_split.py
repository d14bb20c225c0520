"""The split: frozen by content, never through a conversation or a near copy."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from server.store.pairs import Pair
from tuning.split import HELD_OUT, TRAIN, group_pairs, split_pairs


def _pair(n: int, group: str = "", question: str = "", completion: str = "") -> Pair:
    return Pair(
        id=f"par_{n}",
        assistant_id="ast",
        run_id="run",
        origin="voice",
        origin_id=f"exa_{n}",
        group_id=group or f"g{n:04}",
        split="",
        question=question or f"What about topic{n} and subject{n} in place{n}?",
        prompt=[],
        completion=completion or f"Topic{n} stands beside subject{n} within place{n} always{n}.",
        hash=f"{n * 7919 % 10007:05}",
    )


_groups = st.lists(st.integers(0, 12), min_size=2, max_size=60)


@given(_groups, st.integers(0, 5))
def test_the_same_pairs_give_the_same_split_in_any_order(groups: list[int], seed: int) -> None:
    pairs = [_pair(n, f"c{g}") for n, g in enumerate(groups)]
    first = split_pairs(pairs, seed=seed, share=0.15, floor=8)
    again = split_pairs(pairs[::-1], seed=seed, share=0.15, floor=8)
    assert {p.id: p.split for p in first} == {p.id: p.split for p in again}


@given(_groups, st.integers(0, 5))
def test_a_conversation_is_never_on_both_sides(groups: list[int], seed: int) -> None:
    pairs = [_pair(n, f"c{g}") for n, g in enumerate(groups)]
    sides = defaultdict(set)
    for pair in split_pairs(pairs, seed=seed, share=0.15, floor=8):
        sides[pair.group_id].add(pair.split)
    assert all(len(found) == 1 for found in sides.values())


@given(st.integers(3, 150), st.integers(0, 5))
def test_lone_pairs_give_the_share_asked_for(count: int, seed: int) -> None:
    split = split_pairs([_pair(n) for n in range(count)], seed=seed, share=0.15, floor=8)
    held = sum(p.split == HELD_OUT for p in split)
    assert held == max(-(-15 * count // 100), min(8, count // 3))
    assert sum(p.split == TRAIN for p in split) == count - held


def test_near_copies_of_a_question_share_a_group() -> None:
    pairs = [
        _pair(1, question="How do I return a pair of shoes that I bought?"),
        _pair(2, question="How do I return a pair of shoes that I bought here?"),
        _pair(3, question="When are you open on Sundays?"),
    ]
    one, two, three = (p.group_id for p in group_pairs(pairs))
    assert one == two != three


def test_a_greeting_that_all_replies_share_joins_nothing() -> None:
    pairs = [
        _pair(n, completion=f"Ahoy there, my good friend! Thing{n} is here. Fair winds to you!")
        for n in range(30)
    ]
    assert len({p.group_id for p in group_pairs(pairs)}) == 30


def test_one_conversation_cannot_be_split() -> None:
    split = split_pairs([_pair(n, "one") for n in range(9)], seed=1, share=0.15, floor=8)
    assert {p.split for p in split} == {TRAIN}
