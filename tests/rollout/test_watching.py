"""The watch on a real store: canaries end, promoted voices are rolled back, people keep the say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from server.prompt import PROMPT_VERSION
from server.rollout.following import follow_plan
from server.rollout.watching import Watch, stop_canary
from server.store import Store
from server.store.adapters import Adapter
from server.store.canaries import PROMOTED, ROLLED_BACK, STOPPED, UNDECIDED, Canary, Trial
from server.store.conversations import Answered
from server.store.database import new_id, now
from server.store.rollout_tables import canaries
from server.store.tuning_tables import activations

TRIAL = Trial(share=0.5, turns=50, days=14)


class Site:
    """An assistant with visitors who ask and are answered."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.assistant = store.assistants.create("Shop").id
        self.watch = Watch(store)

    def adapter(self, **changed: Any) -> Adapter:
        run = self.store.runs.ask(self.assistant, config={}, requested_by="t")
        self.store.runs.end(run.id, "passed")
        values: dict[str, Any] = {
            "seq": 0,
            "id": new_id("adp"),
            "assistant_id": self.assistant,
            "run_id": run.id,
            "digest": run.id,
            "base_sha256": "b",
            "prompt_version": PROMPT_VERSION,
            "path": "x",
            "manifest": {},
            "report": {},
            "passed": True,
            "created_at": now(),
        }
        return self.store.adapters.register(Adapter(**values | changed))

    def asks(
        self, visitor: str, *, label: str = "supported", down: bool = False, token: str = "h"
    ) -> None:
        talks = self.store.conversations
        talk = talks.start(self.assistant, visitor_id=visitor, token_hash=token, page_url="")
        turn, _ = talks.open_turn(talk, "What?", idempotency_key=None)
        talks.finish_turn(
            turn.id,
            Answered("complete", label, "That.", "", [], [], PROMPT_VERSION, [], None, {}),
        )
        if down:
            talks.give_feedback(turn.id, "down")

    def crowd(self, canary: Canary, n: int, *, bad: bool = False) -> None:
        """`n` visitors of each group, who ask in turn; the candidate's are refused if `bad`."""
        names = {True: 0, False: 0}
        number = 0
        while min(names.values()) < n:
            number += 1
            held = canary.holds(f"vis_{number}")
            if names[held] < n:
                names[held] += 1
                self.asks(f"vis_{number}", label="refused" if bad and held else "supported")

    def started(self, adapter: Adapter, trial: Trial = TRIAL) -> Canary:
        canary = self.store.canaries.start(
            self.assistant, adapter.id, trial, actor="ana", expected=None
        )
        heard = {"ok": True, "at": now().isoformat()}
        self.store.canaries.note(canary.id, served=heard)
        return self.store.canaries.canary(canary.id)

    def promoted(self, adapter: Adapter) -> None:
        self.store.adapters.activate(
            self.assistant, adapter.id, reason="promoted", actor="ana", expected=None
        )

    @property
    def active(self) -> str | None:
        found = self.store.adapters.active(self.assistant)[1]
        return found.id if found else None

    def actions(self) -> list[str]:
        return [entry.action for entry in self.store.audit.newest()]


@pytest.fixture
def site(sqlite_store: Store) -> Site:
    return Site(sqlite_store)


def test_a_canary_that_is_no_worse_is_promoted_by_itself(site: Site) -> None:
    adapter = site.adapter()
    canary = site.started(adapter)
    site.crowd(canary, 49)
    site.watch.look()
    assert site.store.canaries.canary(canary.id).is_running and site.active is None
    site.crowd(canary, 1)
    site.watch.look()
    ended = site.store.canaries.canary(canary.id)
    assert ended.status == PROMOTED and site.active == adapter.id
    assert ended.figures[0]["name"] == "disliked"
    made = site.store.adapters.activations(site.assistant)[0]
    assert made.actor == "canary" and made.why == ended.reason
    assert site.actions()[:2] == ["adapter.promote", "canary.end"]


def test_a_canary_that_does_worse_ends_and_what_is_active_stays(site: Site) -> None:
    stands = site.adapter()
    site.promoted(stands)
    canary = site.started(site.adapter())
    site.crowd(canary, 50, bad=True)
    site.watch.look()
    ended = site.store.canaries.canary(canary.id)
    assert ended.status == ROLLED_BACK and "refused in 100%" in ended.reason
    assert site.active == stands.id
    assert len(site.store.adapters.activations(site.assistant)) == 1


def test_turns_before_the_candidate_could_be_heard_do_not_count(site: Site) -> None:
    canary = site.store.canaries.start(
        site.assistant, site.adapter().id, TRIAL, actor="ana", expected=None
    )
    site.crowd(canary, 50, bad=True)
    site.watch.look()
    assert site.store.canaries.canary(canary.id).is_running


def test_the_cap_in_time_ends_a_canary_on_a_quiet_site(site: Site) -> None:
    canary = site.started(site.adapter())
    with site.store.database.write() as connection:
        connection.execute(update(canaries).values(ends_at=now() - timedelta(seconds=1)))
    site.watch.look()
    ended = site.store.canaries.canary(canary.id)
    assert ended.status == UNDECIDED and site.active is None
    assert "0 turns with the candidate" in ended.reason


def test_a_candidate_of_another_prompt_is_not_promoted_at_the_end(site: Site) -> None:
    canary = site.started(site.adapter(prompt_version="0"))
    site.crowd(canary, 50)
    site.watch.look()
    ended = site.store.canaries.canary(canary.id)
    assert ended.status == ROLLED_BACK and "prompt version" in ended.reason
    assert site.active is None


def test_a_person_may_stop_a_canary(site: Site) -> None:
    canary = site.started(site.adapter())
    assert stop_canary(site.store, canary.id, actor="ben").status == STOPPED
    site.watch.look()
    assert site.active is None


def _long_ago(site: Site) -> None:
    """What was promoted, was so before the turns that follow; clocks of tests are too quick."""
    with site.store.database.write() as connection:
        connection.execute(update(activations).values(created_at=now()))


def test_a_voice_that_visitors_dislike_is_rolled_back_with_the_reason(site: Site) -> None:
    for n in range(100):
        site.asks(f"old_{n}", down=n % 20 == 0)
    site.promoted(site.adapter())
    _long_ago(site)
    for n in range(49):
        site.asks(f"new_{n}", down=n % 2 == 0)
    site.watch.look()
    assert site.active is not None, "fewer than fifty turns conclude nothing"
    site.asks("new_49")
    site.watch.look()
    assert site.active is None
    made = site.store.adapters.activations(site.assistant)[0]
    assert (made.reason, made.actor) == ("rolled back", "drift watch")
    assert made.why.startswith("Surely worse: thumbs down in 50% of 50 turns, 5% of 100")
    assert site.actions()[0] == "adapter.rollback"


def test_the_watch_rolls_back_once_and_never_what_a_person_brought_back(site: Site) -> None:
    for n in range(60):
        site.asks(f"old_{n}")
    site.promoted(site.adapter())
    for n in range(60):
        site.asks(f"new_{n}", label="refused")
    site.watch.look()
    site.watch.look()
    assert [a.reason for a in site.store.adapters.activations(site.assistant)] == [
        "rolled back",
        "promoted",
    ]


def test_a_voice_that_is_no_worse_stays(site: Site) -> None:
    for n in range(100):
        site.asks(f"old_{n}", label="refused" if n % 10 == 0 else "supported")
    site.promoted(site.adapter())
    for n in range(100):
        site.asks(f"new_{n}", label="refused" if n % 10 == 0 else "supported")
    site.watch.look()
    assert site.active is not None


def test_the_watch_can_be_switched_off(site: Site) -> None:
    for n in range(60):
        site.asks(f"old_{n}")
    site.promoted(site.adapter())
    site.store.plans.change(site.assistant, {"watch_drift": False})
    for n in range(60):
        site.asks(f"new_{n}", label="refused")
    site.watch.look()
    assert site.active is not None
    site.store.plans.change(site.assistant, {"watch_drift": True})
    site.watch.look()
    assert site.active is None


def test_what_staff_tries_out_counts_for_nothing(site: Site) -> None:
    for n in range(60):
        site.asks(f"old_{n}")
    site.promoted(site.adapter())
    for _ in range(60):
        site.asks("ana@example.org", label="refused", token="")
    site.watch.look()
    assert site.active is not None


def test_by_hand_a_candidate_waits_for_a_person(site: Site) -> None:
    assert follow_plan(site.store, site.adapter(), expected="") == ""
    assert site.active is None


def test_a_candidate_that_passed_is_promoted_by_itself_where_the_plan_says_so(site: Site) -> None:
    site.store.plans.change(site.assistant, {"promote": "when the gate passes"})
    adapter = site.adapter()
    assert follow_plan(site.store, adapter, expected="").startswith("Promoted by itself")
    assert site.active == adapter.id
    assert site.store.adapters.activations(site.assistant)[0].actor == "automatic"
    # A killed worker does the step again.
    assert "already" in follow_plan(site.store, adapter, expected="")
    assert len(site.store.adapters.activations(site.assistant)) == 1


def test_b35_it_is_not_promoted_over_what_a_person_chose_meanwhile(site: Site) -> None:
    site.store.plans.change(site.assistant, {"promote": "when the gate passes"})
    persons, candidate = site.adapter(), site.adapter()
    site.promoted(persons)
    told = follow_plan(site.store, candidate, expected="")
    assert told.startswith("Not promoted by itself: Somebody else") and "ana promoted" in told
    assert site.active == persons.id


def test_canary_first_begins_one_as_the_plan_says(site: Site) -> None:
    site.store.plans.change(
        site.assistant, {"promote": "canary first", "canary_share": 0.1, "canary_turns": 70}
    )
    adapter = site.adapter()
    assert "10%" in follow_plan(site.store, adapter, expected="")
    canary = site.store.canaries.running()[site.assistant]
    assert (canary.adapter_id, canary.share, canary.turns) == (adapter.id, 0.1, 70)
    assert site.active is None


def test_b32_what_did_not_pass_is_never_promoted_by_itself(site: Site) -> None:
    site.store.plans.change(site.assistant, {"promote": "when the gate passes"})
    assert "did not pass" in follow_plan(site.store, site.adapter(passed=False), expected="")
    assert site.active is None


def test_a_bad_candidate_on_trial_does_not_take_the_active_voice_back(site: Site) -> None:
    for n in range(100):
        site.asks(f"old_{n}")
    good = site.adapter()
    site.promoted(good)
    _long_ago(site)
    canary = site.started(site.adapter())
    site.crowd(canary, 60, bad=True)
    site.watch.look()
    assert site.store.canaries.canary(canary.id).status == ROLLED_BACK
    site.watch.look()
    assert site.active == good.id
