"""Judging turns: verdicts, conflicts, undo, what comes next."""

from __future__ import annotations

import pytest

from server.store.conversations import Turn
from server.store.reviews import Verdict
from tests.web.conftest import Browser, World

HTMX = {"HX-Request": "true"}
CORRECTION = {
    "verdict": "corrected",
    "fault": "tone",
    "reply": "Of course you may.\r\nSend it back within 30 days.",
    "note": "Warmer",
    "seen": "",
}


def _judge(browser: Browser, turn: Turn, form: dict[str, str], **more):
    return browser.post(f"/console/acme/turns/{turn.id}/review", form, **more)


def test_approval_is_one_post_and_leads_back_to_the_turn(world: World) -> None:
    turn = world.turn()
    answer = _judge(world.client("reviewer"), turn, {"approve": "1", "seen": ""})
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(f"?done=judged#{turn.id}")
    review = world.store.reviews.of_turn(turn.id)[0]
    assert (review.verdict, review.fault, review.reply) == ("approved", None, None)
    assert review.reviewer == "reviewer@example.org"
    assert world.store.audit.newest()[0].action == "turn.review"


def test_correction_keeps_fault_reply_and_note_and_shows_the_difference(world: World) -> None:
    turn = world.turn(reply="Send it back within 30 days.")
    answer = _judge(world.client("reviewer"), turn, CORRECTION, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<article")
    assert "<ins>" in answer.text
    review = world.store.reviews.of_turn(turn.id)[0]
    assert (review.verdict, review.fault, review.note) == ("corrected", "tone", "Warmer")
    assert review.reply == "Of course you may.\nSend it back within 30 days."


@pytest.mark.parametrize("htmx", [True, False])
def test_b41_conflict_is_told_and_nothing_typed_is_lost(world: World, htmx: bool) -> None:
    turn = world.turn()
    other = world.store.reviews.judge(
        turn.id, Verdict("rejected", "fact", note="Their words"), reviewer="other@example.org"
    )
    headers = HTMX if htmx else {}
    answer = _judge(world.client("reviewer"), turn, CORRECTION, headers=headers)
    assert answer.status_code == 409
    assert "Somebody else has judged this turn" in answer.text
    assert "Their words" in answer.text
    assert "Of course you may." in answer.text
    assert "Warmer" in answer.text
    assert ("<html" in answer.text) is not htmx
    assert len(world.store.reviews.of_turn(turn.id)) == 1
    assert f'name="seen" value="{other.id}"' in answer.text
    again = _judge(world.client("reviewer"), turn, CORRECTION | {"seen": other.id})
    assert again.status_code == 303
    assert world.store.reviews.of_turn(turn.id)[-1].note == "Warmer"


def test_b41_same_decision_sent_twice_is_stored_once(world: World) -> None:
    turn, reviewer = world.turn(), world.client("reviewer")
    assert _judge(reviewer, turn, {"approve": "1", "seen": ""}).status_code == 303
    assert _judge(reviewer, turn, {"approve": "1", "seen": ""}).status_code == 409
    assert len(world.store.reviews.of_turn(turn.id)) == 1


def test_b41_undo_is_another_verdict_and_both_stay(world: World) -> None:
    turn, reviewer = world.turn(), world.client("reviewer")
    _judge(reviewer, turn, {"approve": "1", "seen": ""})
    first = world.store.reviews.of_turn(turn.id)[0]
    _judge(reviewer, turn, {"verdict": "rejected", "fault": "handoff", "seen": first.id})
    assert [r.verdict for r in world.store.reviews.of_turn(turn.id)] == ["approved", "rejected"]
    page = reviewer.get(f"/console/acme/conversations/{turn.conversation_id}").text
    assert "approved" in page and "rejected" in page


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"verdict": "rejected"}, "Say where the fault lies."),
        ({"verdict": "corrected", "fault": "tone", "reply": "  "}, "needs the corrected reply"),
        ({"verdict": "maybe", "fault": "tone"}, "is no verdict"),
        ({"verdict": "rejected", "fault": "mood"}, "is no fault reason"),
        ({}, "is no verdict"),
    ],
)
def test_incomplete_verdict_is_explained_and_the_note_is_kept(
    world: World, form: dict[str, str], message: str
) -> None:
    turn = world.turn()
    answer = _judge(world.client("reviewer"), turn, form | {"note": "A long note", "seen": ""})
    assert answer.status_code == 400
    assert message in answer.text
    assert "A long note" in answer.text
    assert world.store.reviews.of_turn(turn.id) == []


def test_next_goes_from_newest_to_oldest_and_then_says_that_nothing_waits(world: World) -> None:
    turns = [world.turn(f"Question {n}") for n in range(3)]
    reviewer = world.client("reviewer")

    def reached(query: str = "") -> str:
        return reviewer.get(f"/console/acme/next{query}").headers["Location"]

    assert reached().endswith(f"{turns[2].conversation_id}#{turns[2].id}")
    assert reached(f"?after={turns[2].seq}").endswith(f"#{turns[1].id}")
    assert reached(f"?after={turns[0].seq}").endswith(f"#{turns[2].id}")
    for turn in turns:
        world.store.reviews.judge(turn.id, Verdict("approved"), reviewer="x")
    assert reached() == "/console/acme/conversations?done=nothing-waiting"


def test_viewer_sees_the_turn_without_a_form(world: World) -> None:
    turn = world.turn()
    page = world.client("viewer").get(f"/console/acme/conversations/{turn.conversation_id}").text
    assert "Yes." in page
    assert 'name="verdict"' not in page


def test_what_a_follow_up_was_searched_as_is_shown(world: World) -> None:
    viewer = world.client("viewer")
    plain, leaning = world.turn(), world.turn("And it?", signals={"asked": "And <b>the box</b>?"})
    first, second = (
        viewer.get(f"/console/acme/conversations/{t.conversation_id}").text
        for t in (plain, leaning)
    )
    assert "<dt>Searched</dt>" not in first
    assert "<dt>Searched</dt><dd>And &lt;b&gt;the box&lt;/b&gt;?</dd>" in second
