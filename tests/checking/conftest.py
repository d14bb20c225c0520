"""A list desk: an assistant that answers, its question list, and runs that are done at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from langchain_core.messages import BaseMessage

from server.checking.asking import Watch, ask_for_run
from server.checking.running import Checker
from server.jobs import Jobs
from server.store import Store
from server.store.check_runs import CheckRun
from server.store.checks import NewCheck
from tests.speaking import RETURNS, SHIPPING, Talk


@dataclass
class AtOnce:
    """Stands for the job system: what is queued is done before the call returns, or is `held`."""

    checker: Checker
    held: bool = False
    queued: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def enqueue(self, queue: str, workflow: str, *args: str, workflow_id: str) -> None:
        assert (queue, workflow) == ("checks", "check")
        self.queued.append(args[0])
        if not self.held:
            run_through(self.checker, args[0])

    def cancel(self, workflow_id: str) -> None:
        self.cancelled.append(workflow_id)


@dataclass
class Desk:
    """What the tests of this folder work with."""

    talk: Talk
    checker: Checker
    jobs: AtOnce
    watch: Watch

    @property
    def store(self) -> Store:
        return self.talk.store

    def expect(self, question: str, expect: dict[str, str] | None) -> None:
        new = NewCheck(question, expect)
        self.store.checks.add(self.talk.assistant.id, new, author="ana")

    def run(self) -> CheckRun:
        """Ask the list and wait for the end."""
        jobs = cast(Jobs, self.jobs)
        run = ask_for_run(self.store, jobs, self.talk.assistant.id, actor="ana")
        return self.store.check_runs.run(run.id)

    def rows(self, run: CheckRun) -> dict[str, Any]:
        return {row["question"]: row for row in run.results}


def run_through(checker: Checker, run_id: str) -> None:
    """The workflow of `running.register` without its checkpoints."""
    checker.begin(run_id)
    while checker.ask(run_id):
        pass
    checker.finish(run_id)


def _sensible(messages: Sequence[BaseMessage]) -> list[str]:
    """A model that answers from what it learnt once, whatever the pages say by now."""
    asked = str(messages[-1].content)
    return [SHIPPING[1]] if asked.endswith("Norway cost?") else [" ".join(RETURNS[:2])]


@pytest.fixture
def desk(sqlite_store: Store) -> Iterator[Desk]:
    talk = Talk(sqlite_store)
    talk.says = _sensible
    checker = Checker(sqlite_store, talk.chat, talk.voices)
    jobs = AtOnce(checker)
    yield Desk(talk, checker, jobs, Watch(sqlite_store, cast(Jobs, jobs), talk.voices))
    talk.chat.close()
