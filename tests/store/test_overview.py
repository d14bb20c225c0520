"""The console's numbers, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

from server.store import Store
from server.store.conversations import Answered, Turn
from server.store.database import now
from server.store.overview import Overview
from server.store.reviews import Verdict


def _turn(store: Store, assistant_id: str, label: str, *, finished: bool = True) -> Turn:
    conversation = store.conversations.start(
        assistant_id, visitor_id="v", token_hash="h", page_url=""
    )
    turn, _ = store.conversations.open_turn(conversation, "Why?", idempotency_key=None)
    if finished:
        store.conversations.finish_turn(
            turn.id, Answered("complete", label, "So.", "So.", [], [], "1", [], None, {})
        )
    return turn


def test_numbers_count_one_assistant_and_only_what_ended(store: Store) -> None:
    mine, other = (store.assistants.create(n, key=n).id for n in ("mine", "other"))
    judged = _turn(store, mine, "supported")
    _turn(store, mine, "refused")
    _turn(store, mine, "", finished=False)
    _turn(store, other, "refused")
    store.reviews.judge(judged.id, Verdict("approved"), reviewer="x")
    numbers = Overview(store.database).numbers(mine, since=now() - timedelta(days=7))
    assert (numbers.conversations, numbers.answered, numbers.refused, numbers.waiting) == (
        3,
        2,
        1,
        1,
    )
    assert numbers.refused_share == 0.5
    later = Overview(store.database).numbers(mine, since=now() + timedelta(minutes=1))
    assert (later.conversations, later.refused_share, later.waiting) == (0, None, 1)


def test_next_waiting_is_the_next_older_one_then_the_newest(store: Store) -> None:
    mine = store.assistants.create("mine", key="mine").id
    overview = Overview(store.database)
    assert overview.next_waiting(mine, before=None) is None
    first, second = _turn(store, mine, "supported"), _turn(store, mine, "supported")
    assert overview.next_waiting(mine, before=None) == (second.conversation_id, second.id)
    assert overview.next_waiting(mine, before=second.seq) == (first.conversation_id, first.id)
    assert overview.next_waiting(mine, before=first.seq) == (second.conversation_id, second.id)


def test_approved_answers_are_those_that_sources_carry_and_that_still_stand_approved(
    store: Store,
) -> None:
    mine = store.assistants.create("mine", key="mine").id
    kept, undone = _turn(store, mine, "supported"), _turn(store, mine, "supported")
    for turn in (kept, undone, _turn(store, mine, "refused")):
        store.reviews.judge(turn.id, Verdict("approved"), reviewer="x")
    store.reviews.judge(undone.id, Verdict("rejected", "fact"), reviewer="x")
    assert Overview(store.database).approved_answers(mine) == 1
