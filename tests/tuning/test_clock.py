"""The worker's clock: counting once a change, and beginning runs that are due, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from server.jobs import Jobs
from server.store import Store
from server.store.assistants import Assistant
from server.store.database import now
from server.store.pairs import NewExample
from tests.speaking import WordEmbedder, teach
from tuning.clock import Clock, begin_grounding, begin_if_due, count

_EMBED = WordEmbedder()
# Forty rows, 32 questions to judge by, and some that do not become rows.
_ENOUGH = 86


@dataclass
class FakeJobs:
    """Stands for DBOS: remembers what was queued."""

    queued: list[str] = field(default_factory=list)
    breaks: bool = False

    def enqueue(self, queue: str, workflow: str, *args: str, workflow_id: str) -> None:
        if self.breaks:
            raise OSError("the job database is gone")
        self.queued.append(args[0])


class Shop:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.assistant: Assistant = store.assistants.create("Shop", key="shop")
        self.jobs = FakeJobs()
        self.clock = Clock(store, cast(Jobs, self.jobs))

    def wrote(self, count: int, *, topic: str = "thing") -> None:
        new = [
            NewExample(f"What about {topic} number {n}?", f"The {topic} {n} is fine, friend.")
            for n in range(count)
        ]
        self.store.pairs.import_examples(self.assistant.id, new, origin="mine.csv")

    def plan(self, **chosen: Any) -> None:
        self.store.plans.change(self.assistant.id, chosen)

    def due(self, hours: float = 0) -> str:
        at = now() + timedelta(hours=hours)
        count(self.store, self.assistant, at=at)
        return begin_if_due(self.store, cast(Jobs, self.jobs), self.assistant, at=at)

    def grounding(self, hours: float = 0) -> str:
        at = now() + timedelta(hours=hours)
        count(self.store, self.assistant, at=at)
        return begin_grounding(self.store, cast(Jobs, self.jobs), self.assistant, at=at)

    def knows(self, headings: int, *, first: int = 0) -> None:
        """Content of so many headings, read to the end."""
        for n in range(first, first + headings):
            said = (f"Thing number {n} stands in hall {n} beside the harbour wall.",)
            page = f"https://shop.example/{n}"
            teach(self.store, self.assistant, page, f"Where does thing {n} stand?", said, _EMBED)
        for source in self.store.knowledge.sources(self.assistant.id):
            self.store.knowledge.set_source(source.id, status="ready")

    def ended(self, status: str = "refused") -> None:
        run = self.store.runs.of_assistant(self.assistant.id)[0]
        self.store.runs.end(run.id, status)


@pytest.fixture
def shop(sqlite_store: Store) -> Shop:
    return Shop(sqlite_store)


def test_it_counts_again_only_when_the_material_changed(shop: Shop) -> None:
    shop.clock.look()
    first = shop.store.meters.of(shop.assistant.id)
    shop.clock.look()
    assert first is not None and shop.store.meters.of(shop.assistant.id) == first
    shop.wrote(3)
    shop.clock.look()
    again = shop.store.meters.of(shop.assistant.id)
    assert again is not None and again.content["pairs"] == 3


def test_without_a_plan_nothing_begins(shop: Shop) -> None:
    shop.wrote(50)
    assert shop.due(hours=48) == "" and shop.jobs.queued == []


def test_a_scheduled_run_begins_once_and_says_so(shop: Shop) -> None:
    shop.wrote(30)
    shop.plan(schedule="* * * * *")
    assert shop.due() == "", "what was due before the plan was made is not made up for"
    told = shop.due(hours=1)
    [run] = shop.store.runs.of_assistant(shop.assistant.id)
    assert told == f"Run {run.id} began by itself (the schedule)."
    assert run.requested_by == "schedule" and shop.jobs.queued == [run.id]
    assert shop.store.plans.of(shop.assistant.id).outcome == told
    assert shop.due(hours=1) == "" and len(shop.jobs.queued) == 1


def test_one_run_an_assistant_holds_for_the_schedule_too(shop: Shop) -> None:
    shop.wrote(30)
    shop.plan(schedule="* * * * *")
    shop.store.runs.ask(shop.assistant.id, config={}, requested_by="ana")
    assert "still under way" in shop.due(hours=1)
    assert shop.jobs.queued == []


def test_too_little_to_learn_from_begins_nothing_and_says_why(shop: Shop) -> None:
    shop.wrote(3)
    shop.plan(schedule="* * * * *", every_pairs=1)
    assert "No run began (the schedule): There are 3 replies" in shop.due(hours=1)
    assert shop.store.runs.of_assistant(shop.assistant.id) == []


def test_a_schedule_without_a_new_reply_does_not_train_the_same_again(shop: Shop) -> None:
    shop.wrote(30)
    shop.plan(schedule="* * * * *")
    shop.due(hours=1)
    shop.ended()
    assert "no reply came in since the last run" in shop.due(hours=2)
    assert len(shop.jobs.queued) == 1


def test_new_replies_begin_a_run_and_a_failed_one_is_not_begun_again(shop: Shop) -> None:
    shop.wrote(25)
    shop.plan(every_pairs=20)
    assert "(25 new replies)" in shop.due()
    shop.ended("failed")
    assert shop.due() == ""
    shop.wrote(19, topic="tool")
    assert shop.due() == ""
    shop.wrote(20, topic="tool")
    assert "(20 new replies)" in shop.due()


def test_a_run_that_cannot_be_queued_is_closed_and_keeps_no_other_away(shop: Shop) -> None:
    shop.wrote(30)
    shop.plan(schedule="* * * * *")
    shop.jobs.breaks = True
    with pytest.raises(OSError, match="gone"):
        shop.due(hours=1)
    [run] = shop.store.runs.of_assistant(shop.assistant.id)
    assert run.status == "failed"
    shop.jobs.breaks = False
    assert "began by itself" in shop.due(hours=1)


def test_settled_content_begins_a_grounding_run_once_where_the_plan_says_so(shop: Shop) -> None:
    shop.knows(_ENOUGH)
    shop.plan(grounding="auto")
    assert shop.grounding() == "" and shop.grounding(hours=0.4) == "", "it has to rest first"
    told = shop.grounding(hours=0.6)
    [run] = shop.store.runs.of_assistant(shop.assistant.id)
    assert told == f"Grounding run {run.id} began by itself (the content has settled)."
    assert (run.kind, run.config, run.requested_by) == (
        "grounding", {"kind": "grounding"}, "schedule",
    )  # fmt: skip
    assert shop.store.plans.of(shop.assistant.id).outcome == told
    shop.ended()
    assert shop.grounding(hours=9) == "" and shop.jobs.queued == [run.id]


def test_new_content_has_to_rest_anew_and_only_then_makes_another_run(shop: Shop) -> None:
    shop.knows(_ENOUGH)
    shop.plan(grounding="auto")
    shop.grounding()
    assert shop.grounding(hours=1)
    shop.ended()
    shop.knows(1, first=_ENOUGH)
    assert shop.grounding(hours=2) == "" and shop.grounding(hours=2.4) == ""
    assert "began by itself" in shop.grounding(hours=2.6)


def test_by_default_no_grounding_run_begins_by_itself(shop: Shop) -> None:
    shop.knows(_ENOUGH)
    assert shop.grounding() == "" and shop.grounding(hours=99) == ""
    assert shop.jobs.queued == []


def test_a_grounding_run_stands_back_behind_any_other_run(shop: Shop) -> None:
    shop.knows(_ENOUGH)
    shop.plan(grounding="auto")
    shop.grounding()
    other = shop.store.assistants.create("Other")
    run = shop.store.runs.ask(other.id, config={}, requested_by="ana")
    assert shop.grounding(hours=1) == ""
    shop.store.runs.end(run.id, "passed")
    assert "began by itself" in shop.grounding(hours=1)


def test_little_content_begins_nothing_and_the_meter_says_how_much_is_needed(shop: Shop) -> None:
    shop.knows(5)
    shop.plan(grounding="auto")
    assert shop.grounding() == "" and shop.grounding(hours=9) == ""
    known = shop.store.meters.of(shop.assistant.id)
    assert known is not None and not known.content["grounding"]["ready"]
    assert "needs 86 headings" in known.content["grounding"]["sentence"]
    assert "the content has 5" in known.content["grounding"]["sentence"]


def test_a_grounding_run_does_not_count_as_a_run_on_the_replies(shop: Shop) -> None:
    shop.knows(_ENOUGH)
    shop.wrote(25)
    shop.plan(every_pairs=20, grounding="auto")
    shop.store.runs.ask(shop.assistant.id, config={"kind": "grounding"}, requested_by="t")
    shop.ended("passed")
    assert "(25 new replies)" in shop.due()
