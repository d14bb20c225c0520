"""Leakage: whatever the split did, a run with a leak does not begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid
from server.store.pairs import Pair
from tests.tuning.material import numbered
from tuning.data.leakage import (
    NEAR_QUESTION,
    NEAR_REPLY,
    SAME_CONVERSATION,
    SAME_MEANING,
    SAME_QUESTION,
    SAME_ROW,
    Beside,
    check_leakage,
    leaks,
)
from tuning.data.split import HELD_OUT, TRAIN, split_pairs


def _two(**changes: str) -> list[Pair]:
    """A held-out pair, and one to train on that differs from it but for `changes`."""
    held = replace(
        numbered(1, question="How do I send my new shoes back to you by post?",
              completion="Put them into the box and hand that in at any post office."),
        split=HELD_OUT,
    )  # fmt: skip
    return [held, replace(numbered(2), split=TRAIN, **changes)]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"hash": numbered(1).hash}, SAME_ROW),
        ({"question": "how do I send my new shoes  back to you by post?"}, SAME_QUESTION),
        ({"group_id": "g0001"}, SAME_CONVERSATION),
        ({"question": "How do I send my new shoes back to you by post now?"}, NEAR_QUESTION),
        ({"completion": "Put them into the box and hand that in at any post office!!"},
         NEAR_REPLY),
    ],
)  # fmt: skip
def test_each_kind_of_leak_blocks_the_run(changes: dict[str, str], kind: str) -> None:
    pairs = _two(**changes)
    [found] = leaks(pairs)
    assert (found.held_out, found.train, found.kind) == ("par_1", "par_2", kind)
    with pytest.raises(Invalid, match=f"par_1 and par_2: {kind}"):
        check_leakage(pairs)


def test_two_turns_of_one_conversation_are_found_though_their_groups_differ() -> None:
    pairs = _two(turn_id="trn_b")
    pairs[0] = replace(pairs[0], turn_id="trn_a")
    beside = Beside({"trn_a": "cnv_1", "trn_b": "cnv_1"})
    assert [leak.kind for leak in leaks(pairs, (), beside)] == [SAME_CONVERSATION]


def test_a_question_of_the_same_meaning_is_found_by_its_vector() -> None:
    beside = Beside(embed=lambda texts: np.eye(1, 384, dtype=np.float32).repeat(len(texts), 0))
    assert [leak.kind for leak in leaks(_two(question="Returning footwear?"), (), beside)] == [
        SAME_MEANING
    ]


def test_a_clean_split_is_told_as_such() -> None:
    report = check_leakage(_two())
    assert (report["leaks"], report["held_out"], report["train"]) == ([], 1, 1)


_WORDS = st.lists(st.sampled_from("red green blue box lid tap jar pin cap".split()), min_size=3,
                  max_size=12)  # fmt: skip


@given(st.lists(st.tuples(_WORDS, _WORDS, st.integers(0, 6)), min_size=4, max_size=30))
def test_what_the_split_makes_never_leaks(
    rows: list[tuple[list[str], list[str], int]],
) -> None:
    pairs = [
        numbered(n, f"c{group}", " ".join(asked), " ".join(said))
        for n, (asked, said, group) in enumerate(rows)
    ]
    split = split_pairs(pairs, seed=3, share=0.3, floor=2)
    assert leaks(split) == []
