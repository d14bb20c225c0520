"""A run over the question list: through the visitors' pipeline, judged, compared, never lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import pytest
from langchain_core.messages import BaseMessage

from server.checking import asking, running
from server.checking.state import compare, fingerprints
from server.errors import Conflict, Unavailable
from server.jobs import Jobs
from server.llm.voice import Voice
from server.store.check_runs import CheckRun
from server.store.checks import NewCheck
from tests.checking.conftest import Desk, run_through
from tests.speaking import QUESTION, RETURNS, SITE

RETURNS_PAGE = {"url": f"{SITE}/returns"}
NORWAY = "What does shipping to Norway cost?"
OFF_TOPIC = "Who wrote the opera Tosca?"


def _fill(desk: Desk) -> None:
    desk.expect(QUESTION, RETURNS_PAGE)
    desk.expect(NORWAY, {"phrase": "12 euros"})
    desk.expect(OFF_TOPIC, None)


def test_a_list_is_asked_as_visitors_ask_and_judged(desk: Desk) -> None:
    _fill(desk)
    run = desk.run()
    assert (run.status, run.passed, run.total, run.pass_rate) == ("done", 3, 3, 1.0)
    rows = desk.rows(run)
    assert rows[QUESTION]["reply"] == " ".join(RETURNS[:2])
    assert rows[QUESTION]["urls"][0].startswith(f"{SITE}/returns")
    assert rows[QUESTION]["label"] == "supported" and rows[QUESTION]["ms"] >= 0
    assert rows[OFF_TOPIC]["label"] == "refused" and rows[OFF_TOPIC]["urls"] == []


def test_a_run_leaves_no_turn_in_the_visitors_log(desk: Desk) -> None:
    _fill(desk)
    desk.run()
    assert desk.store.conversations.all_turns(desk.talk.assistant.id) == []
    assert desk.talk.model.asked, "and yet the model was asked"


def test_what_does_not_pass_says_why(desk: Desk) -> None:
    desk.expect(QUESTION, {"url": f"{SITE}/shipping"})
    desk.expect(NORWAY, None)
    desk.expect(OFF_TOPIC, {"phrase": "Giacosa"})
    run = desk.run()
    assert (run.passed, run.total) == (0, 3)
    rows = desk.rows(run)
    assert f"{SITE}/returns" in rows[QUESTION]["why"]
    assert "must be refused" in rows[NORWAY]["why"]
    assert "must be answered" in rows[OFF_TOPIC]["why"]


def test_pass_rate_before_and_after_a_change_of_content_says_what_changed(desk: Desk) -> None:
    _fill(desk)
    before = desk.run()
    desk.talk.learn(f"{SITE}/shipping", "Shipping", ["Shipping to Norway costs 15 euros."])
    after = desk.run()
    assert (before.passed, after.passed) == (3, 2)
    seen = compare(after, before)
    assert seen.changed == ("content",)
    assert (seen.fixed, seen.broken) == ((), (NORWAY,))
    assert seen.sentence == "Content changed: 1 now fails."
    assert "15 euros" in desk.rows(after)[NORWAY]["reply"]
    desk.talk.learn(f"{SITE}/tosca", "Tosca", ["Giacomo Puccini wrote the opera Tosca."])
    desk.talk.learn(f"{SITE}/shipping", "Shipping", ["Shipping to Norway costs 12 euros."])
    third = compare(desk.run(), after)
    assert (third.fixed, third.broken) == ((NORWAY,), (OFF_TOPIC,))
    assert third.sentence == "Content changed: 1 more passes, 1 now fails."


def test_manner_prompt_voice_and_list_are_told_apart(desk: Desk) -> None:
    _fill(desk)
    first = desk.run()
    desk.store.assistants.change("acme", {"tone": "Dry.", "color": "#112233"})
    desk.expect("Are you open?", None)
    second = desk.run()
    assert compare(second, first).changed == ("manner", "questions")
    other = replace(second, prompt_version="next", adapter="d1")
    seen = compare(other, second)
    assert seen.changed == ("prompt", "adapter")
    assert seen.sentence == "Prompt and voice changed: the same questions pass."
    assert compare(second, second).sentence == "The same questions pass."


def test_what_only_the_widget_shows_is_no_manner(desk: Desk) -> None:
    def state() -> str:
        assistant = desk.store.assistants.by_key("acme")
        return fingerprints(desk.store, assistant, desk.talk.voices).manner

    first = state()
    desk.store.assistants.change(
        "acme", {"color": "#112233", "suggested_prompts": ["Hi"], "origins": ["https://x.example"]}
    )
    assert state() == first
    desk.store.assistants.change("acme", {"guardrails": ["Promise nothing."]})
    second = state()
    assert second != first
    desk.store.assistants.rename("acme", "Acme Desk")
    assert state() not in (first, second)


def test_one_question_that_explodes_is_one_failure(desk: Desk) -> None:
    _fill(desk)

    def script(messages: Sequence[BaseMessage]) -> Iterator[str]:
        if NORWAY in str(messages[-1].content):
            yield "Parcels "
            raise RuntimeError("secret detail")
        yield " ".join(RETURNS[:2])

    desk.talk.says = script
    run = desk.run()
    assert (run.status, run.passed, run.total) == ("done", 2, 3)
    row = desk.rows(run)[NORWAY]
    assert row["passed"] is False and row["reply"] == ""
    assert row["why"] == "It could not be answered; the log says why."


def test_without_a_model_the_list_is_asked_all_the_same(desk: Desk) -> None:
    class Silent:
        def voice(self, assistant_id: str, visitor_id: str | None = None) -> Voice:
            raise Unavailable("The model is not available.")

    _fill(desk)
    desk.checker._voices = Silent()
    desk.talk.chat._voices = Silent()
    run = desk.run()
    assert (run.status, run.passed) == ("done", 3), "the best evidence is quoted"


def test_a_run_that_was_killed_goes_on_with_what_was_not_asked(desk: Desk) -> None:
    desk.jobs.held = True
    for n in range(6):
        desk.expect(f"{QUESTION} {n}", RETURNS_PAGE)
    run = desk.run()
    desk.checker.begin(run.id)
    assert desk.checker.ask(run.id)
    halfway = desk.store.check_runs.run(run.id)
    assert (halfway.status, halfway.asked, halfway.total) == ("running", 4, 6)
    asked = len(desk.talk.model.asked)
    run_through(running.Checker(desk.store, desk.talk.chat, desk.talk.voices), run.id)
    assert desk.store.check_runs.run(run.id).asked == 6
    assert len(desk.talk.model.asked) == asked + 2


def test_a_question_added_while_a_run_is_under_way_waits_for_the_next(desk: Desk) -> None:
    desk.jobs.held = True
    desk.expect(QUESTION, RETURNS_PAGE)
    run = desk.run()
    desk.checker.begin(run.id)
    desk.expect(NORWAY, None)
    desk.store.checks.remove(
        desk.talk.assistant.id, desk.store.checks.of_assistant(desk.talk.assistant.id)[0].id
    )
    run_through(desk.checker, run.id)
    assert list(desk.rows(desk.store.check_runs.run(run.id))) == [QUESTION]


def test_a_cancelled_run_asks_nothing_more_and_keeps_what_it_has(desk: Desk) -> None:
    desk.jobs.held = True
    for n in range(6):
        desk.expect(f"{QUESTION} {n}", RETURNS_PAGE)
    run = desk.run()
    desk.checker.begin(run.id)
    desk.checker.ask(run.id)
    jobs = cast(Jobs, desk.jobs)
    cancelled = asking.cancel_run(desk.store, jobs, desk.store.check_runs.run(run.id), actor="ana")
    assert (cancelled.status, cancelled.asked) == ("cancelled", 4)
    assert desk.jobs.cancelled == [run.id]
    assert not desk.checker.ask(run.id)
    assert desk.checker.finish(run.id) == "cancelled"
    with pytest.raises(Conflict, match="ended"):
        asking.cancel_run(desk.store, jobs, cancelled, actor="ana")


def test_when_the_server_stops_half_answers_are_not_taken_for_failures(desk: Desk) -> None:
    desk.jobs.held = True
    desk.expect(QUESTION, RETURNS_PAGE)
    run = desk.run()
    desk.checker.begin(run.id)

    def stops(_: object) -> Iterator[str]:
        desk.talk.chat._closing.set()
        yield RETURNS[0]

    desk.talk.says = stops
    with pytest.raises(running._Stopping):
        desk.checker.ask(run.id)
    kept = desk.store.check_runs.run(run.id)
    assert (kept.status, kept.asked) == ("running", 0)


def test_a_run_whose_work_is_lost_is_marked_interrupted_at_the_next_start(desk: Desk) -> None:
    class Known:
        def status(self, workflow_id: str) -> str | None:
            return "waiting" if workflow_id == kept.id else None

    def asked(name: str) -> CheckRun:
        assistant = desk.store.assistants.create(name)
        desk.store.checks.import_many(assistant.id, [NewCheck(QUESTION, None)], author="ana")
        return desk.store.check_runs.ask(assistant.id, requested_by="ana")

    kept, lost = asked("Kept"), asked("Lost")
    assert asking.interrupt_lost_runs(desk.store, cast(Jobs, Known())) == 1
    assert desk.store.check_runs.run(kept.id).status == "queued"
    assert desk.store.check_runs.run(lost.id).status == "interrupted"
