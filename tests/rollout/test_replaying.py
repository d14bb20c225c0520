"""Shadow replay: which questions, both voices, nothing a visitor sees, and killed half way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from server.answering.words import stem
from server.errors import Conflict, Invalid
from server.jobs import Jobs
from server.llm.voice import FixedVoices, Voice
from server.prompt import PROMPT_VERSION
from server.rollout.paired import mean_words, paired_shares
from server.rollout.replaying import Replayer, ask_for_replay, cancel_replay
from server.store import Store
from server.store.adapters import Adapter
from server.store.database import now
from server.store.replays import Replay
from tests.speaking import RETURNS, SHIPPING, ScriptedModel, Talk


class FakeJobs:
    """Stands for DBOS: remembers what was queued and cancelled."""

    def __init__(self) -> None:
        self.queued: list[str] = []
        self.cancelled: list[str] = []

    def enqueue(self, queue: str, workflow: str, *args: str, workflow_id: str) -> None:
        self.queued.append(args[0])

    def cancel(self, workflow_id: str) -> None:
        self.cancelled.append(workflow_id)


class BothVoices(FixedVoices):
    """What is active, and a candidate that says something else; counts who holds it open."""

    def __init__(self, active: Voice, candidate: Voice) -> None:
        super().__init__(active.model)
        self.other = candidate
        self.open = 0

    @contextmanager
    def candidate(self, adapter_id: str) -> Iterator[Voice]:
        self.open += 1
        yield self.other
        self.open -= 1


class Site:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.talk = Talk(store)
        self.jobs = FakeJobs()
        other = ScriptedModel(script=lambda _: [f"Gladly! {RETURNS[0]}"])
        manner = frozenset({stem("gladly")})
        self.voices = BothVoices(Voice(self.talk.model), Voice(other, words=manner))
        self.stopping = False
        self.replayer = Replayer(
            store, self.talk.retriever, self.voices, is_stopping=lambda: self.stopping
        )
        self.assistant = self.talk.assistant.id

    def adapter(self) -> Adapter:
        run = self.store.runs.ask(self.assistant, config={}, requested_by="t")
        self.store.runs.end(run.id, "passed")
        made = Adapter(
            0, f"adp_{run.id}", self.assistant, run.id, "d", "b", PROMPT_VERSION, "x", {}, {},
            True, now(),
        )  # fmt: skip
        return self.store.adapters.register(made)

    def asked(self, **options: Any) -> Replay:
        jobs = cast(Jobs, self.jobs)
        return ask_for_replay(self.store, jobs, self.adapter().id, actor="ana", **options)

    def done(self, replay: Replay) -> Replay:
        while self.replayer.answer(replay.id):
            pass
        self.replayer.end(replay.id, "done", "")
        return self.store.replays.replay(replay.id)


@pytest.fixture
def site(sqlite_store: Store) -> Site:
    return Site(sqlite_store)


def test_both_voices_answer_what_visitors_began_with_and_nothing_is_logged(site: Site) -> None:
    first = site.talk.conversation()
    site.talk.ask("Can orders be returned?", first)
    site.talk.ask("And opened software?", first)
    site.talk.ask("can orders be returned?")
    site.talk.ask("Who won the cup?")
    staff = site.store.conversations.start(
        site.assistant, visitor_id="ana", token_hash="", page_url=""
    )
    site.talk.ask("Is this on?", staff)
    logged = len(site.store.conversations.all_turns(site.assistant))
    replay = site.done(site.asked())
    questions = [row["question"] for row in replay.results]
    assert questions == ["Who won the cup?", "can orders be returned?"], "newest first, once each"
    returned = replay.results[1]
    assert "Gladly" in returned["after"]["reply"] and "Gladly" not in returned["before"]["reply"]
    assert returned["before"]["label"] == returned["after"]["label"] == "supported"
    assert replay.results[0]["after"]["label"] == "refused"
    assert (replay.status, replay.done, replay.total) == ("done", 2, 2)
    assert len(site.store.conversations.all_turns(site.assistant)) == logged
    assert site.voices.open == 0 and site.jobs.queued == [replay.id]


def test_a_stopped_server_leaves_it_open_and_it_goes_on_with_the_rest(site: Site) -> None:
    for n in range(6):
        site.talk.ask(f"Can order {n} be returned?")
    replay = site.asked()
    assert site.replayer.answer(replay.id)
    assert site.store.replays.replay(replay.id).done == 4
    site.stopping = True
    with pytest.raises(BaseException, match=r"^$"):
        site.replayer.answer(replay.id)
    assert site.store.replays.replay(replay.id).done == 4
    site.stopping = False
    assert site.done(replay).done == 6


def test_one_at_a_time_and_it_can_be_cancelled(site: Site) -> None:
    with pytest.raises(Invalid, match="nothing to replay"):
        site.asked()
    site.talk.ask("Can orders be returned?")
    replay = site.asked(questions=1)
    with pytest.raises(Conflict, match="under way"):
        site.asked()
    jobs = cast(Jobs, site.jobs)
    assert cancel_replay(site.store, jobs, replay, actor="ana").status == "cancelled"
    assert not site.replayer.answer(replay.id), "a cancelled one answers nothing more"
    with pytest.raises(Conflict):
        cancel_replay(site.store, jobs, site.store.replays.replay(replay.id), actor="ana")


def test_where_the_model_is_served_elsewhere_it_says_so(site: Site) -> None:
    site.talk.ask("Can orders be returned?")
    replay = site.asked()
    replayer = Replayer(site.store, site.talk.retriever, site.talk.voices)
    with pytest.raises(Exception, match="served elsewhere"):
        replayer.answer(replay.id)


def _row(before: str, after: str) -> dict[str, Any]:
    return {
        "before": {"label": before, "reply": SHIPPING[0]},
        "after": {"label": after, "reply": "Yes."},
    }


def test_shares_are_paired_and_their_interval_is_agresti_and_mins() -> None:
    rows = [_row("refused", "supported")] * 2 + [_row("supported", "refused")] * 8
    rows += [_row("supported", "supported")] * 90
    [refused, answered, failed] = paired_shares(rows)
    assert (refused.before, refused.after) == (0.02, 0.08)
    assert (refused.gained, refused.lost) == (8, 2) and (answered.gained, answered.lost) == (2, 8)
    # (8 - 2) / 102 ± 1.96 √(11 - 36 / 102) / 102
    assert refused.low == pytest.approx(-0.00391, abs=1e-4)
    assert refused.high == pytest.approx(0.12156, abs=1e-4)
    assert refused.chance == pytest.approx(112 / 1024)
    assert failed.low < 0 < failed.high and failed.chance == 1.0
    assert mean_words(rows, "after") == 1.0


def test_no_rows_are_no_shares() -> None:
    assert [share.n for share in paired_shares([])] == [0, 0, 0]
