"""Turns: streamed into a buffer and the log, stopped, cut short, asked twice, told again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from server.chat import Event, LiveTurn
from server.errors import Conflict, Invalid, Unavailable
from server.prompt import PROMPT_VERSION
from server.store import Store
from tests.speaking import QUESTION, RETURNS, SITE, Paced, Talk, until

FIRST, SECOND = RETURNS[0], RETURNS[1]


@pytest.fixture
def talk(sqlite_store: Store) -> Iterator[Talk]:
    opened = Talk(sqlite_store, streams=4)
    yield opened
    opened.chat.close()


def _events(live: LiveTurn, after: int = 0) -> list[Event]:
    return [event for event in live.follow(after) if event is not None]


def _shown(events: list[Event]) -> str:
    return "".join(e.data["text"] for e in events if e.name == "token")


def test_a_turn_streams_its_sources_then_checked_sentences_then_the_whole(talk: Talk) -> None:
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    events = _events(live)
    assert [e.name for e in events] == ["turn", "sources", "token", "token", "done"]
    assert [e.id for e in events] == [1, 2, 3, 4, 5]
    assert {"title": "Returns", "url": f"{SITE}/returns"} in events[1].data["sources"]
    done = events[-1].data
    assert done["reply"] == _shown(events) == f"{FIRST} {SECOND}"
    assert (done["status"], done["label"]) == ("complete", "supported")
    assert done["citations"][0]["url"] == f"{SITE}/returns"


def test_the_log_holds_all_that_went_into_an_answer(talk: Talk) -> None:
    turn = talk.ask()
    assert (turn.status, turn.prompt_version) == ("complete", PROMPT_VERSION)
    assert turn.reply == f"{FIRST} {SECOND}"
    assert turn.evidence[0]["text"] == FIRST
    assert turn.evidence[0]["hash"] == turn.citations[0]["hash"]
    assert turn.messages[-1]["content"].endswith(f": {QUESTION}")
    assert turn.draft and turn.adapter is None and turn.finished_at is not None
    assert turn.timings["evidence"] <= turn.timings["first"] <= turn.timings["total"]


@pytest.mark.parametrize(
    "question", ["", "   \n", "\x00", "x" * 2001, "word " * 20_000], ids=lambda q: str(len(q))
)
def test_an_unusable_question_is_refused_and_not_logged(talk: Talk, question: str) -> None:
    conversation = talk.conversation()
    with pytest.raises(Invalid):
        talk.chat.ask(talk.assistant, conversation, question)
    assert talk.store.conversations.turns(conversation.id) == []


def test_a_question_with_half_a_character_is_answered(talk: Talk) -> None:
    assert talk.ask(f"{QUESTION} \ud83d").status == "complete"


def test_a_question_the_pages_do_not_cover_is_refused_without_the_model(talk: Talk) -> None:
    turn = talk.ask("Who composed the opera about penguins?")
    assert (turn.label, turn.reply) == ("refused", talk.assistant.settings.refusal)
    assert talk.model.asked == [] and turn.citations == []


def test_a_greeting_is_answered_without_the_model(talk: Talk) -> None:
    turn = talk.ask("Hello!")
    assert (turn.label, turn.reply) == ("curated", talk.assistant.settings.greeting)
    assert talk.model.asked == []


def test_a_follow_up_carries_the_conversation_into_the_prompt(talk: Talk) -> None:
    conversation = talk.conversation()
    talk.ask(QUESTION, conversation)
    talk.ask("And how long until they reach my bank account?", conversation)
    roles = [m.type for m in talk.model.asked[-1]]
    assert roles == ["system", "human", "ai", "human"]
    assert talk.model.asked[-1][1].content == QUESTION


def test_a_sentence_is_shown_before_the_model_has_finished(talk: Talk) -> None:
    paced = Paced([f"{FIRST} ", "Refunds ", "reach your bank account in five working days."])
    talk.says = paced
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    paced.let(2)
    until(lambda: live.shown == FIRST)
    assert paced.said == 2 and not live.ended
    paced.let(1)
    assert _shown(_events(live)) == f"{FIRST} {SECOND}"


def test_b05_a_reader_that_drops_at_any_event_and_comes_back_misses_nothing(talk: Talk) -> None:
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    whole = _events(live)
    for k in range(len(whole) + 1):
        assert whole[:k] + _events(talk.chat.follow(live.turn), after=k) == whole


def test_b05_a_drop_in_the_middle_of_the_stream_misses_nothing_either(talk: Talk) -> None:
    paced = Paced([f"{FIRST} ", f"{SECOND} ", "So ", "it ", "is."])
    talk.says = paced
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    first = live.follow()
    head = [next(first), next(first)]
    rest: list[Event] = []
    reader = threading.Thread(target=lambda: rest.extend(_events(live, after=2)))
    reader.start()
    paced.let(5)
    reader.join(10)
    assert [e for e in head if e is not None] + rest == _events(live)


def test_b06_a_second_reader_gets_the_whole_text_from_its_start(talk: Talk) -> None:
    paced = Paced([f"{FIRST} ", SECOND])
    talk.says = paced
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    paced.let(2)
    one, two = _events(live), _events(talk.chat.follow(live.turn))
    assert one == two


def test_b07_stop_ends_the_model_and_keeps_what_was_shown_with_its_source(talk: Talk) -> None:
    paced = Paced([f"{FIRST} ", "Refunds reach ", "your bank ", "account in five working days."])
    talk.says = paced
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    paced.let(2)
    until(lambda: paced.said == 2)
    talk.chat.stop(live.turn)
    began = time.monotonic()
    paced.let(1)
    done = _events(live)[-1].data
    assert time.monotonic() - began < 0.3
    assert paced.ended.wait(1) and paced.said == 3
    assert (done["status"], done["reply"]) == ("stopped", FIRST)
    assert done["citations"][0]["quote"] == FIRST
    turn = talk.store.conversations.turn(live.turn.id)
    assert (turn.status, turn.reply) == ("stopped", FIRST) and turn.messages


def test_b07_stop_before_the_first_word_shows_no_quote(talk: Talk) -> None:
    paced = Paced(["Orders "])
    talk.says = paced
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    until(lambda: len(talk.model.asked) == 1)
    talk.chat.stop(live.turn)
    paced.let(1)
    assert _events(live)[-1].data["reply"] == ""
    assert _events(live)[-1].data["status"] == "stopped"


def test_stopping_a_finished_turn_changes_nothing(talk: Talk) -> None:
    turn = talk.ask()
    talk.chat.stop(turn)
    assert talk.store.conversations.turn(turn.id) == turn


def test_b07_a_turn_whose_readers_have_gone_is_logged_whole(talk: Talk) -> None:
    paced = Paced([f"{FIRST} ", SECOND])
    talk.says = paced
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    reader = live.follow()
    next(reader)
    reader.close()  # type: ignore[attr-defined]
    paced.let(2)
    until(lambda: talk.store.conversations.turn(live.turn.id).status == "complete")
    assert talk.store.conversations.turn(live.turn.id).reply == f"{FIRST} {SECOND}"


@pytest.mark.parametrize("run", range(3))
def test_b08_fifty_posts_with_one_key_are_one_turn_that_all_see(talk: Talk, run: int) -> None:
    conversation = talk.conversation()
    seen: list[list[Event]] = []
    failures: list[Exception] = []
    gate = threading.Barrier(50)

    def post() -> None:
        gate.wait()
        try:
            live = talk.chat.ask(talk.assistant, conversation, QUESTION, idempotency_key="k")
            seen.append(_events(live))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert len(seen) == 50 and all(events == seen[0] for events in seen)
    assert len(talk.store.conversations.turns(conversation.id)) == 1
    assert len(talk.model.asked) == 1


def test_b08_a_key_used_for_another_question_is_a_conflict(talk: Talk) -> None:
    conversation = talk.conversation()
    talk.chat.ask(talk.assistant, conversation, QUESTION, idempotency_key="k")
    with pytest.raises(Conflict):
        talk.chat.ask(talk.assistant, conversation, "Another one?", idempotency_key="k")


def test_b08_the_same_key_of_another_visitor_is_independent(talk: Talk) -> None:
    turns = {
        talk.chat.ask(talk.assistant, talk.conversation(), QUESTION, idempotency_key="k").turn.id
        for _ in range(2)
    }
    assert len(turns) == 2


def test_b08_a_retry_is_taken_even_when_all_streams_are_busy(sqlite_store: Store) -> None:
    talk = Talk(sqlite_store, streams=1)
    paced = Paced([FIRST])
    talk.says = paced
    conversation = talk.conversation()
    first = talk.chat.ask(talk.assistant, conversation, QUESTION, idempotency_key="k")
    try:
        again = talk.chat.ask(talk.assistant, conversation, QUESTION, idempotency_key="k")
        assert again is first
    finally:
        paced.let(1)
        talk.chat.close()


def test_b38_a_question_beyond_the_streams_is_turned_away_and_not_logged(
    sqlite_store: Store,
) -> None:
    talk = Talk(sqlite_store, streams=1)
    paced = Paced([FIRST])
    talk.says = paced
    first = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    late = talk.conversation()
    with pytest.raises(Unavailable, match="Many people"):
        talk.chat.ask(talk.assistant, late, QUESTION)
    assert talk.store.conversations.turns(late.id) == []
    paced.let(1)
    _events(first)
    talk.says = lambda _: [FIRST]
    until(talk.chat._free._value.__bool__)  # type: ignore[attr-defined]
    assert talk.ask(QUESTION, late).status == "complete"
    talk.chat.close()


def test_b14_a_model_that_fails_gives_an_error_event_at_once_and_is_logged(talk: Talk) -> None:
    def broken(_: Any) -> Iterator[str]:
        yield f"{FIRST} Refunds "
        raise RuntimeError("the device went away")

    talk.says = broken
    began = time.monotonic()
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    last = _events(live)[-1]
    assert time.monotonic() - began < 1
    assert last.name == "error" and "device" not in str(last.data)
    assert set(last.data["error"]) == {"code", "message", "hint"}
    turn = talk.store.conversations.turn(live.turn.id)
    assert (turn.status, turn.reply) == ("failed", FIRST)  # what was shown is in the log
    talk.says = lambda _: [FIRST]
    assert talk.ask().status == "complete"


def test_a_log_that_cannot_be_written_ends_the_stream_with_an_error(talk: Talk) -> None:
    def broken(turn_id: str, answered: Any) -> None:
        raise OSError("disk full")

    live_store: Any = talk.store.conversations
    live_store.finish_turn = broken
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    assert _events(live)[-1].name == "error"


def test_b42_without_a_model_the_best_evidence_is_quoted(talk: Talk) -> None:
    class Nobody:
        def voice(self, assistant_id: str, visitor_id: str | None = None) -> Any:
            raise Unavailable("The model is not available.")

    talk.chat._voices = Nobody()
    turn = talk.ask()
    assert turn.status == "complete" and turn.reply.startswith(FIRST)
    assert turn.citations and turn.draft == ""


def test_b02_turns_that_a_killed_process_left_open_are_told_as_interrupted(talk: Talk) -> None:
    turn, _ = talk.store.conversations.open_turn(
        talk.conversation(), QUESTION, idempotency_key=None
    )
    assert talk.store.conversations.interrupt_open_turns() == 1
    assert talk.store.conversations.interrupt_open_turns() == 0
    events = _events(talk.chat.follow(turn))
    assert [e.name for e in events] == ["turn", "error"]
    assert talk.store.conversations.turn(turn.id).status == "interrupted"


def test_a_finished_turn_is_told_again_after_a_restart(talk: Talk) -> None:
    turn = talk.ask()
    restarted = Talk.__new__(Talk)
    restarted.chat = type(talk.chat)(talk.store, talk.retriever, talk.voices)
    events = _events(restarted.chat.follow(turn))
    assert [e.name for e in events] == ["turn", "token", "done"]
    assert events[-1].data["reply"] == turn.reply
    # A reader that had counted further than the retold events still gets the end.
    for after in (3, 40, 10**9):
        assert _events(restarted.chat.follow(turn), after)[-1].name == "done"
    restarted.chat.close()


def test_a_turn_under_way_is_kept_however_many_finish_meanwhile(talk: Talk) -> None:
    paced = Paced([FIRST])
    talk.says = paced
    slow = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    until(lambda: len(talk.model.asked) == 1)
    conversation = talk.conversation()
    for _ in range(260):
        talk.ask("hello", conversation)
    assert talk.chat.follow(slow.turn) is slow
    paced.let(1)
    assert _events(slow)[-1].name == "done"


def test_a_quiet_stream_gives_a_heartbeat(talk: Talk) -> None:
    paced = Paced([FIRST])
    talk.says = paced
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    reader = live.follow(2, heartbeat=0.05)
    assert next(reader) is None
    paced.let(1)


def test_closing_stops_and_logs_every_turn_under_way(talk: Talk) -> None:
    paced = Paced([f"{FIRST} ", SECOND])
    talk.says = paced
    live = talk.chat.ask(talk.assistant, talk.conversation(), QUESTION)
    paced.let(1)
    until(lambda: paced.said == 1)
    closing = threading.Thread(target=talk.chat.close)
    closing.start()
    until(live.stopping.is_set)
    paced.let(1)
    closing.join(10)
    assert talk.store.conversations.turn(live.turn.id).status == "stopped"


def test_b15_a_model_that_cannot_begin_leaves_the_quote(talk: Talk) -> None:
    def broken(_: Any) -> Iterator[str]:
        raise ConnectionError("nobody listens")
        yield ""

    talk.says = broken
    turn = talk.ask()
    assert (turn.status, turn.label) == ("complete", "supported")
    assert turn.reply.startswith(FIRST) and turn.citations
