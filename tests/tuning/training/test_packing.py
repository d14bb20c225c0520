"""How a batch is laid out: the shared beginning once, every reply token exactly once."""

from __future__ import annotations

import pytest

from server.errors import Invalid
from tuning.data.rows import IGNORED, Encoded
from tuning.training.packing import plan_batch, rows_of

SYSTEM = list(range(100, 120))
ROWS = [
    Encoded([*SYSTEM, 1, 2, 3, 50, 51], 23),
    Encoded([*SYSTEM, 1, 4, 60], 22),
    Encoded([*SYSTEM, 7, 8, 9, 10, 70, 71, 72], 24),
]


def test_the_shared_beginning_goes_through_once() -> None:
    plan = plan_batch(ROWS, size=3)
    assert plan.prefix is not None
    assert plan.prefix.ids == SYSTEM
    assert plan.packs[0].past == len(SYSTEM)
    # The last token of each row predicts nothing.
    assert plan.packs[0].ids == [1, 2, 3, 50, 1, 4, 7, 8, 9, 10, 70, 71]


def test_positions_go_on_after_the_shared_beginning() -> None:
    pack = plan_batch(ROWS, size=3).packs[0]
    assert pack.positions[:6] == [20, 21, 22, 23, 20, 21]


def test_every_reply_token_is_learnt_once_from_the_position_before_it() -> None:
    pack = plan_batch(ROWS, size=3).packs[0]
    assert pack.labels == [50, 51, 60, 70, 71, 72]
    before = [pack.ids[n] for n in pack.kept_positions]
    assert before == [3, 50, 4, 10, 70, 71]


@pytest.mark.parametrize(("size", "packs"), [(1, 3), (2, 2), (3, 1), (9, 1)])
def test_rows_are_packed_so_many_at_a_time(size: int, packs: int) -> None:
    plan = plan_batch(ROWS, size=size)
    assert len(plan.packs) == packs
    assert [t for pack in plan.packs for t in pack.labels] == [50, 51, 60, 70, 71, 72]


def test_a_beginning_that_is_not_worth_it_is_not_shared() -> None:
    plan = plan_batch([Encoded([1, 2, 3, 4], 3), Encoded([1, 2, 9, 4], 3)], size=2)
    assert plan.prefix is None
    assert plan.packs[0].past == 0


def test_rows_of_the_same_prompt_share_all_but_its_last_token() -> None:
    prompt = list(range(40))
    plan = plan_batch([Encoded([*prompt, 90], 40), Encoded([*prompt, 91], 40)], size=2)
    assert plan.prefix is not None
    assert len(plan.prefix.ids) == 39
    assert plan.packs[0].ids == [39, 39]


def test_a_row_alone_shares_nothing() -> None:
    assert plan_batch(ROWS[:1], size=1).prefix is None


@pytest.mark.parametrize("multiple", [8, 64])
def test_filling_up_adds_positions_that_learn_nothing(multiple: int) -> None:
    plain, filled = plan_batch(ROWS, size=3), plan_batch(ROWS, size=3, multiple=multiple)
    pack = filled.packs[0]
    assert len(pack.ids) % multiple == 0
    assert len(pack.labels) % 32 == 0
    assert len(pack.labels) == len(pack.kept_positions)
    assert [t for t in pack.labels if t != IGNORED] == plain.packs[0].labels


@pytest.mark.parametrize("prompt", [0, 3])
def test_a_row_that_masks_nothing_or_everything_is_an_error(prompt: int) -> None:
    with pytest.raises(Invalid, match="nothing or everything"):
        plan_batch([Encoded([1, 2, 3], prompt)], size=1)


def test_rows_are_read_back_from_a_padded_batch() -> None:
    ids = [[1, 2, 3, 0, 0], [4, 5, 6, 7, 8]]
    labels = [[IGNORED, 2, 3, IGNORED, IGNORED], [IGNORED, IGNORED, IGNORED, 7, 8]]
    assert list(rows_of(ids, labels)) == [Encoded([1, 2, 3], 1), Encoded([4, 5, 6, 7, 8], 3)]


def test_a_batch_with_a_hole_in_its_reply_is_an_error() -> None:
    with pytest.raises(Invalid, match="nothing or everything"):
        list(rows_of([[1, 2, 3, 4]], [[IGNORED, 2, IGNORED, 4]]))
