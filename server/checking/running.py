"""A run over the question list: a durable workflow in the web process, a few questions a step.

The list and the state are frozen at its begin. Every step settles its results in the database, so a
killed run goes on with the questions that were not asked yet.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS

from server.answering.answer import Outcome
from server.chat import Chat
from server.checking.judge import Given, judge
from server.checking.state import fingerprints
from server.errors import AppError
from server.llm.voice import Voices
from server.store import Store
from server.store.assistants import Assistant
from server.visible_text import storable

WORKFLOW = "check"

# Asked together: the engine batches them, and visitors still get most of it.
_TOGETHER = 4

log = logging.getLogger(__name__)

Row = dict[str, Any]


class _Stopping(BaseException):
    """The server stops in the midst of a step: the workflow must stay open, to go on later.

    No Exception: the job system would record that as the workflow's end.
    """


def register(checker: Checker) -> None:
    """Define the workflow in this process; before `jobs.launch`."""

    @DBOS.workflow(name=WORKFLOW)
    def check(run_id: str) -> str:
        try:
            DBOS.run_step({"name": "begin"}, checker.begin, run_id)
            while DBOS.run_step({"name": "ask"}, checker.ask, run_id):
                pass
            return DBOS.run_step({"name": "finish"}, checker.finish, run_id)
        except Exception:
            log.exception("run %s over a question list failed", run_id)
            return DBOS.run_step({"name": "fail"}, checker.fail, run_id)


class Checker:
    """The steps of a run."""

    def __init__(self, store: Store, chat: Chat, voices: Voices) -> None:
        self._store = store
        self._chat = chat
        self._voices = voices

    def begin(self, run_id: str) -> None:
        """Freeze the questions and the state they are asked in."""
        run = self._store.check_runs.run(run_id)
        assistant = self._store.assistants.by_id(run.assistant_id)
        rows = [
            {"question": check.question, "expect": check.expect, "passed": None}
            for check in self._store.checks.of_assistant(assistant.id)
        ]
        state = fingerprints(self._store, assistant, self._voices)
        self._store.check_runs.begin(run_id, rows, state)

    def ask(self, run_id: str) -> bool:
        """Ask the next few questions; False once there are none, or the run was called off."""
        run = self._store.check_runs.run(run_id)
        waiting = [n for n, row in enumerate(run.results) if row["passed"] is None][:_TOGETHER]
        if not waiting or not run.is_open:
            return False
        assistant = self._store.assistants.by_id(run.assistant_id)
        rows = list(run.results)
        with ThreadPoolExecutor(_TOGETHER, thread_name_prefix="check") as pool:
            answered = pool.map(lambda n: self._result(assistant, rows[n]), waiting)
            for n, row in zip(waiting, answered, strict=True):
                rows[n] = row
        if self._chat.is_closing:
            raise _Stopping
        self._store.check_runs.record(run_id, rows)
        return True

    def finish(self, run_id: str) -> str:
        return self._store.check_runs.end(run_id, "done").status

    def fail(self, run_id: str) -> str:
        return self._store.check_runs.end(run_id, "failed").status

    def _result(self, assistant: Assistant, row: Row) -> Row:
        """One question answered and judged. Whatever goes wrong is this question's failure only."""
        began = time.perf_counter()
        try:
            outcome = self._chat.try_out(assistant, row["question"])
            given = _given(outcome)
            judged = judge(row["expect"], given)
        except AppError as error:
            return _failed(row, f"It could not be answered: {error.message}", began)
        except Exception:
            log.exception("question %r of a list failed", row["question"][:80])
            return _failed(row, "It could not be answered; the log says why.", began)
        return row | {
            "passed": judged.passed,
            "why": judged.why,
            "reply": storable(given.reply),
            "label": given.label,
            "urls": list(given.urls),
            "ms": _ms(began),
        }


def _given(outcome: Outcome) -> Given:
    """What was answered, with the addresses of uploaded documents, which citations do not link."""
    evidence = outcome.evidence.sentences if outcome.evidence else ()
    kept = {s.passage.id: s.url for s in evidence}
    cited = outcome.reply.citations
    addresses = (c.get("url") or kept.get(str(c.get("passage"))) for c in cited)
    return Given(
        reply=outcome.reply.text,
        label=outcome.reply.label,
        urls=[str(address) for address in addresses if address],
        quotes=[str(c.get("quote") or "") for c in cited],
    )


def _failed(row: Row, why: str, began: float) -> Row:
    told = {"passed": False, "why": why, "reply": "", "label": "", "urls": []}
    return row | told | {"ms": _ms(began)}


def _ms(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
