"""Datasets stay as they were frozen; exclusions are words that can be taken back."""

from __future__ import annotations

import pytest

from server.errors import Invalid, NotFound
from server.store import Store
from server.store.assistants import Assistant
from server.store.datasets import Dataset, NewDataset
from server.store.pairs import NewExample, Pair, Preference
from server.store.reviews import Verdict
from tests.tuning.learning import turn_of


def _run(store: Store, assistant: Assistant) -> str:
    run = store.runs.ask(assistant.id, config={}, requested_by="t")
    store.runs.end(run.id, "failed")
    return run.id


def _pair(store: Store, assistant: Assistant, run_id: str, n: int = 1) -> Pair:
    turn = turn_of(store, assistant)
    return Pair(
        id=f"par_{run_id}_{n}", assistant_id=assistant.id, run_id=run_id, origin="approved",
        origin_id=f"rev_{n}", group_id=turn.conversation_id, split="train", question="Open?",
        prompt=[{"role": "user", "content": "Open?"}], completion="From nine.", hash=f"h{n}",
        turn_id=turn.id, reviewer="ada", verdict="approved", visitor_id="vis_1",
        asked_at=turn.created_at, judged_at=turn.created_at, source_hash="s", masked={"email": 1},
    )  # fmt: skip


def _freeze(store: Store, assistant: Assistant, digest: str) -> Dataset:
    run_id = _run(store, assistant)
    new = NewDataset(assistant.id, run_id, digest, {"pairs": 1}, "# Card")
    return store.datasets.freeze(new, [_pair(store, assistant, run_id)])


def test_a_dataset_is_frozen_once_with_the_lineage_of_its_pairs(store: Store) -> None:
    assistant = store.assistants.create("Shop")
    run_id = _run(store, assistant)
    pair = _pair(store, assistant, run_id)
    row = Preference(
        id="prf_1", assistant_id=assistant.id, run_id=run_id, kind="judged", origin_id="rev_1",
        turn_id=str(pair.turn_id), reviewer="ada", visitor_id="vis_1", group_id=pair.group_id,
        split="train", question="Open?", prompt=pair.prompt, completion="From nine.",
        rejected=None, label=True, hash="p1",
    )  # fmt: skip
    new = NewDataset(assistant.id, run_id, "digest", {"pairs": 1}, "# Card")
    made = store.datasets.freeze(new, [pair], [row])
    assert store.datasets.freeze(new, [pair, pair], [row]) == made
    [stored] = store.pairs.of_run(run_id)
    assert stored.dataset_id == made.id
    assert (stored.turn_id, stored.reviewer, stored.visitor_id) == (pair.turn_id, "ada", "vis_1")
    assert (stored.asked_at, stored.masked) == (pair.asked_at, {"email": 1})
    [kept] = store.pairs.preferences(run_id)
    assert (kept.dataset_id, kept.label, kept.rejected) == (made.id, True, None)
    assert store.datasets.of_run(run_id) == made
    assert store.pairs.sides(assistant.id) == {pair.turn_id: "train"}


def test_datasets_are_numbered_by_what_they_hold(store: Store) -> None:
    shop, other = store.assistants.create("Shop"), store.assistants.create("Other")
    numbers = [_freeze(store, shop, digest).number for digest in ("a", "b", "a", "c")]
    assert numbers == [1, 2, 1, 3]
    assert _freeze(store, other, "a").number == 1
    assert [d.number for d in store.datasets.of_assistant(shop.id)] == [3, 1, 2, 1]


def test_a_dataset_of_another_assistant_is_not_there(store: Store) -> None:
    made = _freeze(store, store.assistants.create("Shop"), "a")
    other = store.assistants.create("Other")
    with pytest.raises(NotFound):
        store.datasets.get(other.id, made.id)
    assert store.datasets.of_run("run_none") is None


def test_an_exclusion_is_audited_and_can_be_taken_back(store: Store) -> None:
    assistant = store.assistants.create("Shop")
    turn = turn_of(store, assistant)
    review = store.reviews.judge(turn.id, Verdict("approved"), reviewer="ada")
    store.pairs.import_examples(assistant.id, [NewExample("a", "b")], origin="t")
    [example] = store.pairs.examples(assistant.id)
    store.exclusions.exclude(assistant.id, review.id, reason=" a  joke ", actor="ada")
    store.exclusions.exclude(assistant.id, example.id, reason="old", actor="bob")
    assert {s: e.reason for s, e in store.exclusions.in_force(assistant.id).items()} == {
        turn.id: "a joke", example.id: "old",
    }  # fmt: skip
    store.exclusions.include(assistant.id, review.id, actor="bob")
    assert list(store.exclusions.in_force(assistant.id)) == [example.id]
    told = [(e.actor, e.action, e.subject, e.detail) for e in store.audit.newest(limit=3)]
    assert told == [
        ("bob", "pair.include", review.id, {}),
        ("bob", "pair.exclude", example.id, {"reason": "old"}),
        ("ada", "pair.exclude", review.id, {"reason": "a joke"}),
    ]


def test_only_a_known_reply_can_be_left_out_and_only_with_a_reason(store: Store) -> None:
    assistant, other = store.assistants.create("Shop"), store.assistants.create("Other")
    turn = turn_of(store, assistant)
    review = store.reviews.judge(turn.id, Verdict("approved"), reviewer="ada")
    for owner, origin in ((assistant, "rev_none"), (assistant, turn.id), (other, review.id)):
        with pytest.raises(NotFound):
            store.exclusions.exclude(owner.id, origin, reason="x", actor="ada")
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(Invalid):
            store.exclusions.exclude(assistant.id, review.id, reason=reason, actor="ada")
    assert store.exclusions.in_force(assistant.id) == {}
