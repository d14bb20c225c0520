"""Shadow replay: logged questions answered by candidate and active voice; no visitor sees it.

A durable workflow in the web process, which has the engines, a few questions a step: a killed one
goes on with the questions that were not asked yet. Curated answers are left out, as they are the
same whoever speaks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS

from server.answering.answer import Outcome, answer
from server.errors import AppError, Conflict, Invalid, Unavailable
from server.jobs import CHECKS_QUEUE, Jobs
from server.llm.promotion import check_promotable
from server.llm.voice import CandidateVoices, Voice, Voices
from server.retrieval.hybrid import Retriever
from server.store import Store
from server.store.assistants import Assistant
from server.store.replays import CANCELLED, DONE, FAILED, Replay
from server.visible_text import storable

WORKFLOW = "replay"
QUESTIONS = 50
# Answered together: the engine batches them, and visitors still get most of it.
_TOGETHER = 4

log = logging.getLogger(__name__)


class _Stopping(BaseException):
    """The server stops in the midst of a step: the workflow must stay open, to go on later.

    No Exception: the job system would record that as the workflow's end.
    """


def ask_for_replay(
    store: Store, jobs: Jobs, adapter_id: str, *, actor: str, questions: int = QUESTIONS
) -> Replay:
    """Ask for a replay of the newest logged questions: a row and queued work."""
    adapter = store.adapters.adapter(adapter_id)
    check_promotable(adapter)
    asked = store.replays.questions(adapter.assistant_id, limit=questions)
    if not asked:
        raise Invalid(
            "No visitor has asked anything yet, so there is nothing to replay.",
            hint="Compare the answers to the replies kept aside instead.",
        )
    replay = store.replays.ask(adapter.assistant_id, adapter.id, asked, actor=actor)
    try:
        jobs.enqueue(CHECKS_QUEUE, WORKFLOW, replay.id, workflow_id=replay.id)
    except Exception:
        store.replays.end(replay.id, FAILED, error="It could not be queued; try again.")
        raise
    store.audit.add(actor, "replay.ask", adapter.id, replay=replay.id)
    return replay


def cancel_replay(store: Store, jobs: Jobs, replay: Replay, *, actor: str) -> Replay:
    """Stop a replay; what was answered stays. A closed one is a Conflict."""
    if not replay.is_open:
        raise Conflict("This replay has ended already.")
    jobs.cancel(replay.id)
    store.audit.add(actor, "replay.cancel", replay.adapter_id, replay=replay.id)
    return store.replays.end(replay.id, CANCELLED)


def register(replayer: Replayer) -> None:
    """Define the workflow in this process; before `jobs.launch`."""

    @DBOS.workflow(name=WORKFLOW)
    def replay(replay_id: str) -> str:
        try:
            while DBOS.run_step({"name": "answer"}, replayer.answer, replay_id):
                pass
            return DBOS.run_step({"name": "end"}, replayer.end, replay_id, DONE, "")
        except AppError as error:
            return DBOS.run_step({"name": "end"}, replayer.end, replay_id, FAILED, str(error))
        except Exception:
            log.exception("replay %s failed", replay_id)
            told = "It failed; the server's log says why."
            return DBOS.run_step({"name": "end"}, replayer.end, replay_id, FAILED, told)


class Replayer:
    """The steps of a replay."""

    def __init__(
        self,
        store: Store,
        retriever: Retriever,
        voices: Voices,
        *,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._retriever = retriever
        self._voices = voices
        self._is_stopping = is_stopping

    def answer(self, replay_id: str) -> bool:
        """Answer the next few questions twice; False once there are none."""
        replay = self._store.replays.replay(replay_id)
        waiting = [n for n, row in enumerate(replay.results) if row["after"] is None][:_TOGETHER]
        if not waiting or not replay.is_open:
            return False
        assistant = self._store.assistants.by_id(replay.assistant_id)
        if not isinstance(self._voices, CandidateVoices):
            raise Unavailable("The model is served elsewhere: candidates cannot be heard here.")
        rows = list(replay.results)
        with (
            self._voices.candidate(replay.adapter_id) as candidate,
            ThreadPoolExecutor(_TOGETHER, thread_name_prefix="replay") as pool,
        ):

            def twice(n: int) -> dict[str, Any]:
                question = str(rows[n]["question"])
                before = self._said(assistant, question, lambda: self._voices.voice(assistant.id))
                return rows[n] | {
                    "before": before,
                    "after": self._said(assistant, question, lambda: candidate),
                }

            for n, row in zip(waiting, pool.map(twice, waiting), strict=True):
                rows[n] = row
        if self._is_stopping():
            raise _Stopping
        self._store.replays.record(replay_id, rows)
        return True

    def end(self, replay_id: str, status: str, error: str) -> str:
        return self._store.replays.end(replay_id, status, error=error).status

    def _said(
        self, assistant: Assistant, question: str, voice: Callable[[], Voice]
    ) -> dict[str, Any]:
        """One voice's answer. Whatever goes wrong is this question's failure only."""
        began = time.perf_counter()
        try:
            steps = answer(assistant, question, retriever=self._retriever, voice=voice)
            outcome = next(step for step in steps if isinstance(step, Outcome))
            reply, label = storable(outcome.reply.text), outcome.reply.label
        except Exception:
            log.exception("question %r of a replay failed", question[:80])
            reply, label = "", "failed"
        return {"reply": reply, "label": label, "ms": round(1000 * (time.perf_counter() - began))}
