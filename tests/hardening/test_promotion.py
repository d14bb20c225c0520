"""Cases B32 to B35: who decides what answers, and that only one decision counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from server.errors import AppError, Conflict
from server.store import Store
from server.store.adapters import Adapter
from server.store.canaries import PROMOTED, STOPPED, Trial
from server.store.database import new_id, now

TRIAL = Trial(share=0.2, turns=100, days=14)


def _adapter(store: Store, assistant_id: str) -> Adapter:
    run = store.runs.ask(assistant_id, config={}, requested_by="t")
    store.runs.end(run.id, "passed")
    made = Adapter(
        seq=0,
        id=new_id("adp"),
        assistant_id=assistant_id,
        run_id=run.id,
        digest=run.id,
        base_sha256="b",
        prompt_version="1",
        path="x",
        manifest={},
        report={},
        passed=True,
        created_at=now(),
    )
    return store.adapters.register(made)


def _at_once(acts: list[Callable[[], Any]]) -> tuple[list[Any], list[AppError]]:
    """Do all acts at the same moment; what came of them, and what was refused."""
    barrier = threading.Barrier(len(acts))
    done: list[Any] = []
    refused: list[AppError] = []

    def act(do: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            done.append(do())
        except AppError as error:
            refused.append(error)

    threads = [threading.Thread(target=act, args=(do,)) for do in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done, refused


def _promoting(store: Store, adapter: Adapter, actor: str, expected: str) -> Callable[[], Any]:
    return lambda: store.adapters.activate(
        adapter.assistant_id, adapter.id, reason="promoted", actor=actor, expected=expected
    )


def test_b35_of_many_promotions_at_once_one_succeeds_and_the_others_hear_who_and_when(
    store: Store,
) -> None:
    shop = store.assistants.create("Shop").id
    people = [f"p{n}@example.org" for n in range(8)]
    voices = {person: _adapter(store, shop) for person in people}
    done, refused = _at_once([_promoting(store, a, p, "") for p, a in voices.items()])
    assert len(done) == 1 and len(refused) == 7
    winner = done[0]
    for error in refused:
        assert isinstance(error, Conflict)
        assert f"{winner.actor} promoted {winner.adapter_id} on " in str(error)
        assert f"{winner.created_at:%H:%M:%S} UTC" in str(error)
    assert [a.id for a in store.adapters.activations(shop)] == [winner.id]


def test_b35_a_promotion_and_a_roll_back_at_once_are_one_of_both(store: Store) -> None:
    shop = store.assistants.create("Shop").id
    first, second = _adapter(store, shop), _adapter(store, shop)
    now_active = _promoting(store, first, "ana", "")()
    done, refused = _at_once(
        [
            _promoting(store, second, "ana", now_active.id),
            lambda: store.adapters.roll_back(shop, actor="ben", expected=now_active.id),
        ]
    )
    assert len(done) == 1 and len(refused) == 1
    assert done[0].actor in str(refused[0])


def test_b35_two_canaries_at_once_are_one_and_the_other_hears_who(store: Store) -> None:
    shop = store.assistants.create("Shop").id
    one, two = _adapter(store, shop), _adapter(store, shop)

    def starting(adapter: Adapter, actor: str) -> Callable[[], Any]:
        return lambda: store.canaries.start(shop, adapter.id, TRIAL, actor=actor, expected="")

    done, refused = _at_once([starting(one, "ana"), starting(two, "ben")])
    assert len(done) == 1 and len(refused) == 1
    assert f"{done[0].actor} started a canary" in str(refused[0])
    assert len(store.canaries.running()) == 1


def test_b35_two_runs_at_once_are_one_run(store: Store) -> None:
    shop = store.assistants.create("Shop").id
    asking = [
        lambda: store.runs.ask(shop, config={}, requested_by="a"),
        lambda: store.runs.ask(shop, config={}, requested_by="b"),
    ]
    done, refused = _at_once(asking)
    assert len(done) == 1 and isinstance(refused[0], Conflict)


def test_b33_a_canary_promoted_and_stopped_at_once_ends_one_way(store: Store) -> None:
    shop = store.assistants.create("Shop").id
    candidate = _adapter(store, shop)
    canary = store.canaries.start(shop, candidate.id, TRIAL, actor="ana", expected="")
    done, refused = _at_once(
        [
            lambda: store.canaries.end(canary.id, PROMOTED, reason="no worse", actor="canary"),
            lambda: store.canaries.end(canary.id, STOPPED, reason="ana", actor="ana"),
        ]
    )
    assert len(done) == 1 and isinstance(refused[0], Conflict)
    ended = store.canaries.canary(canary.id).status
    active = store.adapters.active(shop)[1]
    assert (active is not None) == (ended == PROMOTED)


def test_b33_a_promotion_that_fails_half_way_leaves_canary_and_active_as_they_were(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = store.assistants.create("Shop").id
    candidate = _adapter(store, shop)
    canary = store.canaries.start(shop, candidate.id, TRIAL, actor="ana", expected="")

    def dies(*args: Any, **kwargs: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("server.store.activations.add", dies)
    with pytest.raises(OSError, match="full"):
        store.canaries.end(canary.id, PROMOTED, reason="no worse", actor="canary")
    assert store.canaries.canary(canary.id).is_running
    assert store.adapters.activations(shop) == []


def test_b32_what_a_worker_says_of_a_closed_run_comes_too_late(store: Store) -> None:
    shop = store.assistants.create("Shop").id
    run = store.runs.ask(shop, config={}, requested_by="t")
    store.runs.end(run.id, "cancelled")
    store.runs.note(run.id, status="running", stage="train")
    store.runs.end(run.id, "passed", metrics={"nll_after": 1.0})
    closed = store.runs.run(run.id)
    assert (closed.status, closed.stage, closed.metrics) == ("cancelled", "", {})


def test_b32_of_four_workers_that_end_the_same_runs_each_run_hears_one(store: Store) -> None:
    asked = [
        store.runs.ask(store.assistants.create(f"Shop {n}").id, config={}, requested_by="t").id
        for n in range(50)
    ]

    def ending(worker: str, status: str) -> Callable[[], Any]:
        def end_all() -> None:
            for run_id in asked:
                store.runs.end(run_id, status, metrics={"by": worker})

        return end_all

    said = {"one": "passed", "two": "refused", "three": "failed", "four": "cancelled"}
    _, refused = _at_once([ending(worker, status) for worker, status in said.items()])
    assert refused == []
    for run_id in asked:
        ended = store.runs.run(run_id)
        assert said[ended.metrics["by"]] == ended.status, "half of one, half of another"


def test_b32_one_run_registers_one_adapter_however_many_workers_publish_it(store: Store) -> None:
    shop = store.assistants.create("Shop").id
    first = _adapter(store, shop)
    again = [
        lambda n=n: store.adapters.register(replace(first, id=f"adp_{n}", digest=f"d{n}"))
        for n in range(4)
    ]
    done, refused = _at_once(again)
    assert refused == []
    assert {made.id for made in done} == {first.id}
    assert [made.id for made in store.adapters.of_assistant(shop)] == [first.id]


def test_the_history_keeps_every_row_with_its_reason(store: Store) -> None:
    shop = store.assistants.create("Shop").id
    first = _adapter(store, shop)
    _promoting(store, first, "ana", "")()
    store.adapters.roll_back(shop, actor="drift watch", why="Surely worse: thumbs down.")
    _promoting(store, first, "ben", store.adapters.activations(shop)[0].id)()
    told = [(a.reason, a.actor, a.why) for a in store.adapters.activations(shop)]
    assert told == [
        ("promoted", "ben", ""),
        ("rolled back", "drift watch", "Surely worse: thumbs down."),
        ("promoted", "ana", ""),
    ]


def test_promoting_something_else_ends_the_canary_with_the_reason(store: Store) -> None:
    shop = store.assistants.create("Shop").id
    tried, other = _adapter(store, shop), _adapter(store, shop)
    canary = store.canaries.start(shop, tried.id, TRIAL, actor="ana", expected="")
    _promoting(store, other, "ben", "")()
    ended = store.canaries.canary(canary.id)
    assert ended.status == STOPPED and f"ben promoted {other.id}" in ended.reason
