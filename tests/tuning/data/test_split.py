"""The split: frozen by content, never through a conversation or a near copy."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.material import numbered
from tuning.data.split import HELD_OUT, TRAIN, group_pairs, split_pairs, subject_of

_groups = st.lists(st.integers(0, 12), min_size=2, max_size=60)


@given(_groups, st.integers(0, 5))
def test_the_same_pairs_give_the_same_split_in_any_order(groups: list[int], seed: int) -> None:
    pairs = [numbered(n, f"c{g}") for n, g in enumerate(groups)]
    first = split_pairs(pairs, seed=seed, share=0.15, floor=8)
    again = split_pairs(pairs[::-1], seed=seed, share=0.15, floor=8)
    assert {p.id: p.split for p in first} == {p.id: p.split for p in again}


@given(_groups, st.integers(0, 5))
def test_a_conversation_is_never_on_both_sides(groups: list[int], seed: int) -> None:
    pairs = [numbered(n, f"c{g}") for n, g in enumerate(groups)]
    sides = defaultdict(set)
    for pair in split_pairs(pairs, seed=seed, share=0.15, floor=8):
        sides[pair.group_id].add(pair.split)
    assert all(len(found) == 1 for found in sides.values())


@given(st.integers(3, 150), st.integers(0, 5))
def test_lone_pairs_give_the_share_asked_for(count: int, seed: int) -> None:
    split = split_pairs([numbered(n) for n in range(count)], seed=seed, share=0.15, floor=8)
    held = sum(p.split == HELD_OUT for p in split)
    assert held == max(-(-15 * count // 100), min(8, count // 3))
    assert sum(p.split == TRAIN for p in split) == count - held


def test_near_copies_of_a_question_share_a_group() -> None:
    pairs = [
        numbered(1, question="How do I return a pair of shoes that I bought?"),
        numbered(2, question="How do I return a pair of shoes that I bought here?"),
        numbered(3, question="When are you open on Sundays?"),
    ]
    one, two, three = (p.group_id for p in group_pairs(pairs))
    assert one == two != three


def test_a_greeting_that_all_replies_share_joins_nothing() -> None:
    pairs = [
        numbered(n, completion=f"Ahoy there, my good friend! Thing{n} is here. Fair winds to you!")
        for n in range(30)
    ]
    assert len({p.group_id for p in group_pairs(pairs)}) == 30


def test_one_conversation_cannot_be_split() -> None:
    split = split_pairs([numbered(n, "one") for n in range(9)], seed=1, share=0.15, floor=8)
    assert {p.split for p in split} == {TRAIN}


@given(st.integers(12, 60), st.integers(0, 60), st.integers(0, 5))
def test_a_pair_keeps_its_side_when_the_set_grows(count: int, more: int, seed: int) -> None:
    first = split_pairs([numbered(n) for n in range(count)], seed=seed, share=0.15, floor=8)
    settled = {subject_of(pair): pair.split for pair in first}
    # Their prompts have changed since, and with them their hashes.
    grown = [replace(numbered(n), hash=f"{n * 31 % 997:05}x") for n in range(count + more)]
    again = split_pairs(grown, seed=seed, share=0.15, floor=8, settled=settled)
    assert {p.id: p.split for p in again} | {p.id: p.split for p in first} == {
        p.id: p.split for p in again
    }
    total = count + more
    held = sum(p.split == HELD_OUT for p in again)
    assert held >= max(-(-15 * total // 100), min(8, total // 3))


def test_a_group_that_has_come_to_join_both_sides_is_trained_on() -> None:
    pairs = [numbered(n) for n in range(12)]
    pairs[1] = replace(pairs[1], question=pairs[0].question)
    settled = {"exa_0": HELD_OUT, "exa_1": TRAIN, "exa_2": HELD_OUT}
    sides = {p.id: p.split for p in split_pairs(pairs, seed=1, share=0.2, floor=2, settled=settled)}
    assert (sides["par_0"], sides["par_1"], sides["par_2"]) == (TRAIN, TRAIN, HELD_OUT)


def test_questions_that_are_linked_by_meaning_share_a_side() -> None:
    for seed in range(6):
        split = split_pairs(
            [numbered(n) for n in range(12)], seed=seed, share=0.3, floor=2, links=[(0, 5), (5, 9)]
        )
        assert len({split[n].split for n in (0, 5, 9)}) == 1
