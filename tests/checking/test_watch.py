"""The list is asked again after every change, once, and only when the change is over."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from server.checking.asking import AUTOMATIC
from server.llm.voice import Voice
from server.store.checks import NewCheck
from server.store.database import new_id, now
from server.store.tables import gates
from tests.checking.conftest import Desk
from tests.speaking import QUESTION, SITE


def _ready(desk: Desk) -> None:
    """A list that was asked once."""
    desk.expect(QUESTION, {"url": f"{SITE}/returns"})
    desk.run()
    desk.jobs.queued.clear()


def _look(desk: Desk, times: int = 2) -> int:
    """How many runs a few looks have queued by now."""
    for _ in range(times):
        desk.watch.look()
    return len(desk.jobs.queued)


def _learn(desk: Desk) -> None:
    desk.talk.learn(f"{SITE}/hours", "Hours", ["The shop opens at nine in the morning."])
    for source in desk.store.knowledge.sources(desk.talk.assistant.id):
        desk.store.knowledge.set_source(source.id, status="ready")


def test_nothing_changed_nothing_is_asked(desk: Desk) -> None:
    _ready(desk)
    _learn(desk)
    _look(desk)
    desk.jobs.queued.clear()
    assert _look(desk, 5) == 0


def test_changed_content_is_asked_once_it_has_settled(desk: Desk) -> None:
    _ready(desk)
    _learn(desk)
    assert _look(desk, 1) == 0, "it may go on changing"
    assert _look(desk, 1) == 1
    newest = desk.store.check_runs.of_assistant(desk.talk.assistant.id)[0]
    assert (newest.requested_by, newest.status) == (AUTOMATIC, "done")
    assert _look(desk, 5) == 1


def test_nothing_is_asked_while_a_source_is_being_read(desk: Desk) -> None:
    _ready(desk)
    _learn(desk)
    source = desk.store.knowledge.sources(desk.talk.assistant.id)[0]
    desk.store.knowledge.set_source(source.id, status="running")
    assert _look(desk, 5) == 0
    desk.store.knowledge.set_source(source.id, status="failed")
    assert _look(desk) == 1


def test_a_changed_manner_is_asked_and_a_changed_colour_is_not(desk: Desk) -> None:
    _ready(desk)
    _learn(desk)
    _look(desk)
    desk.jobs.queued.clear()
    desk.store.assistants.change("acme", {"color": "#112233"})
    assert _look(desk) == 0
    desk.store.assistants.change("acme", {"guidelines": ["Be short."]})
    assert _look(desk) == 1


def test_a_voice_is_asked_once_it_answers(desk: Desk) -> None:
    class Promoted:
        def voice(self, assistant_id: str, visitor_id: str | None = None) -> Voice:
            return Voice(desk.talk.model, "digest-of-the-new-voice")

    _ready(desk)
    _learn(desk)
    _look(desk)
    desk.jobs.queued.clear()
    desk.watch._voices = desk.checker._voices = Promoted()
    assert _look(desk) == 1
    newest = desk.store.check_runs.of_assistant(desk.talk.assistant.id)[0]
    assert newest.adapter == "digest-of-the-new-voice"


def test_a_run_that_failed_is_not_asked_for_again_and_again(desk: Desk) -> None:
    _ready(desk)
    _learn(desk)
    desk.jobs.held = True
    assert _look(desk) == 1
    assert _look(desk, 3) == 1, "one run at a time"
    desk.store.check_runs.end(desk.jobs.queued[0], "failed")
    assert _look(desk, 5) == 1
    desk.store.assistants.change("acme", {"tone": "Dry."})
    assert _look(desk) == 2, "another change is another run"


def test_a_list_that_nobody_has_run_and_an_empty_list_are_left_alone(desk: Desk) -> None:
    desk.expect(QUESTION, None)
    _learn(desk)
    assert _look(desk, 3) == 0
    desk.run()
    desk.jobs.queued.clear()
    check = desk.store.checks.of_assistant(desk.talk.assistant.id)[0]
    desk.store.checks.remove(desk.talk.assistant.id, check.id)
    desk.store.assistants.change("acme", {"tone": "Dry."})
    assert _look(desk, 3) == 0


def test_a_gate_fitted_anew_counts_as_a_change_of_content(desk: Desk) -> None:
    _ready(desk)
    _learn(desk)
    _look(desk)
    desk.jobs.queued.clear()
    with desk.store.database.write() as connection:
        connection.execute(
            insert(gates).values(
                id=new_id("gat"),
                assistant_id=desk.talk.assistant.id,
                content="c",
                fitted={"weights": [1.0]},
                report={},
                created_at=now(),
            )
        )
    assert _look(desk) == 1


def test_a_run_that_cannot_be_queued_is_failed_and_keeps_no_other_waiting(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    _ready(desk)
    _learn(desk)
    other = desk.store.assistants.create("Other", key="other")
    desk.store.checks.add(other.id, NewCheck("May I?", None), author="ana")
    run = desk.store.check_runs.ask(other.id, requested_by="ana")
    desk.store.check_runs.end(run.id, "done")
    queue = desk.jobs.enqueue

    def refuse_acme(*args: str, workflow_id: str) -> None:
        asked_for = desk.store.check_runs.run(workflow_id)
        if asked_for.assistant_id == desk.talk.assistant.id:
            raise RuntimeError("no queue")
        queue(*args, workflow_id=workflow_id)

    desk.jobs.enqueue = refuse_acme  # type: ignore[method-assign, assignment]
    assert _look(desk, 4) == 1, "the other one is asked"
    assert caplog.text.count("looking for changes of acme failed") == 1, "not again and again"
    newest = desk.store.check_runs.of_assistant(desk.talk.assistant.id)[0]
    assert (newest.requested_by, newest.status) == (AUTOMATIC, "failed")
