"""The store's verbs, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from server.errors import Conflict, Invalid, NotFound
from server.store import Store
from server.store.adapters import Adapter
from server.store.conversations import Answered, Conversation, Filter
from server.store.database import new_id, now
from server.store.knowledge import NewPassage
from server.store.pairs import NewExample
from server.store.reviews import Verdict


def _assistant(store: Store) -> str:
    return store.assistants.create("Docs", key="docs").id


def _conversation(store: Store, assistant_id: str) -> Conversation:
    return store.conversations.start(
        assistant_id, visitor_id="v1", token_hash="h", page_url="https://example.org/"
    )


def _answered(reply: str = "Yes.", label: str = "supported") -> Answered:
    return Answered(
        status="complete",
        label=label,
        reply=reply,
        draft=reply,
        evidence=[],
        citations=[],
        prompt_version="1",
        messages=[],
        adapter=None,
        timings={"total": 1.5},
    )


def _passage(ordinal: int, text: str) -> NewPassage:
    return NewPassage(ordinal, "Heading", "a", text, f"h{ordinal}", [(0, len(text))], b"", b"")


def _adapter(store: Store, assistant_id: str) -> Adapter:
    run = store.runs.ask(assistant_id, config={}, requested_by="test")
    store.runs.end(run.id, "passed")
    made = Adapter(
        0, new_id("adp"), assistant_id, run.id, "d", "b", "1", "adapters/x", {}, {}, True, now()
    )
    return store.adapters.register(made)


def test_settings_are_merged_and_a_wrong_one_is_named(store: Store) -> None:
    _assistant(store)
    changed = store.assistants.change("docs", {"color": "#112233"})
    assert changed.settings.color == "#112233"
    with pytest.raises(Invalid, match="color"):
        store.assistants.change("docs", {"color": "red; background: url(x)"})
    assert store.assistants.by_key("docs").settings.color == "#112233"


def test_a_key_is_taken_once(store: Store) -> None:
    _assistant(store)
    with pytest.raises(Conflict):
        store.assistants.create("Other", key="docs")
    with pytest.raises(NotFound):
        store.assistants.by_key("nobody")


def test_words_find_passages_of_their_own_assistant_only(store: Store) -> None:
    mine, other = _assistant(store), store.assistants.create("Other", key="other").id
    for assistant_id in (mine, other):
        source = store.knowledge.add_source(assistant_id, "website", "http://x/", {})
        store.knowledge.put_page(
            source,
            url="http://x/a",
            title="A",
            hash="1",
            round=1,
            new_passages=[
                _passage(0, "Refunds take five days."),
                _passage(1, "Ships are large."),
            ],
        )
    hits = store.lexical.search(mine, 'refund" OR (days) NEAR *', limit=5)
    found = store.knowledge.passages(ids=[h.id for h in hits])
    assert [p.text for p in found] == ["Refunds take five days."]
    assert {p.assistant_id for p in found} == {mine}


def test_a_changed_page_replaces_its_passages_and_their_words(store: Store) -> None:
    assistant_id = _assistant(store)
    source = store.knowledge.add_source(assistant_id, "website", "http://x/", {})
    put = {"url": "http://x/a", "title": "A"}
    store.knowledge.put_page(
        source, **put, hash="1", round=1, new_passages=[_passage(0, "Old walrus.")]
    )
    before = store.knowledge.passage_ids(assistant_id)
    gone = store.knowledge.put_page(
        source, **put, hash="2", round=2, new_passages=[_passage(0, "New heron.")]
    )
    assert set(gone) == before
    assert store.lexical.search(assistant_id, "walrus", limit=5) == []
    assert len(store.lexical.search(assistant_id, "heron", limit=5)) == 1
    page = store.knowledge.page_at(source.id, "http://x/a")
    assert page is not None and page.version == 2


def test_plain_passages_are_the_same_without_their_vectors(store: Store) -> None:
    assistant = _assistant(store)
    source = store.knowledge.add_source(assistant, "website", "https://x.org/", {})
    vectors = {"embedding": b"1234", "sentence_embeddings": b"5678"}
    fresh = [replace(_passage(n, f"We open at {n}."), **vectors) for n in (8, 9)]
    store.knowledge.put_page(
        source, url="https://x.org/", title="X", hash="h", round=1, new_passages=fresh
    )
    whole = store.knowledge.passages(assistant_id=assistant)
    bare = [replace(p, embedding=b"", sentence_embeddings=b"") for p in whole]
    assert (
        whole[0].embedding
        and store.knowledge.passages(assistant_id=assistant, vectors=False) == bare
    )


def test_pages_missing_from_a_finished_round_go(store: Store) -> None:
    assistant_id = _assistant(store)
    source = store.knowledge.add_source(assistant_id, "website", "http://x/", {})
    for url in ("http://x/a", "http://x/b"):
        store.knowledge.put_page(
            source, url=url, title="", hash="1", round=1, new_passages=[_passage(0, url)]
        )
    store.knowledge.keep_page(source.id, "http://x/a", 2)
    assert len(store.knowledge.drop_pages_not_in(source.id, 2)) == 1
    assert store.knowledge.count(source.id) == (1, 1)


def test_the_frontier_keeps_to_its_budget_and_meets_an_address_once(store: Store) -> None:
    source = store.knowledge.add_source(_assistant(store), "website", "http://x/", {})
    added = store.frontier.add(source.id, 1, ["a", "b", "a"], depth=0, budget=3)
    assert (added, store.frontier.add(source.id, 1, ["b", "c", "d"], depth=1, budget=3)) == (2, 1)
    first = store.frontier.waiting(source.id, 1, 1)[0]
    store.frontier.settle(first.seq, "done")
    assert store.frontier.tally(source.id, 1) == {"done": 1, "waiting": 2}


def test_b08_one_idempotency_key_makes_one_turn(store: Store) -> None:
    conversation = _conversation(store, _assistant(store))
    made: list[tuple[str, bool]] = []

    def ask() -> None:
        turn, fresh = store.conversations.open_turn(conversation, "Q", idempotency_key="k")
        made.append((turn.id, fresh))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8 and len({turn for turn, _ in made}) == 1
    assert sum(fresh for _, fresh in made) == 1
    with pytest.raises(Conflict):
        store.conversations.open_turn(conversation, "Another", idempotency_key="k")


def test_a_finished_turn_is_never_rewritten(store: Store) -> None:
    conversation = _conversation(store, _assistant(store))
    turn, _ = store.conversations.open_turn(conversation, "Q", idempotency_key=None)
    store.conversations.finish_turn(turn.id, _answered("First."))
    store.conversations.finish_turn(turn.id, _answered("Second."))
    kept = store.conversations.turn(turn.id)
    assert (kept.reply, kept.status, kept.timings) == ("First.", "complete", {"total": 1.5})
    assert kept.finished_at is not None and kept.finished_at.tzinfo is not None


def test_conversations_are_listed_by_label_feedback_verdict_and_text(store: Store) -> None:
    assistant_id = _assistant(store)
    turns = []
    for question, label in (("Where is 100% wool?", "supported"), ("Who?", "refused")):
        conversation = _conversation(store, assistant_id)
        turn, _ = store.conversations.open_turn(conversation, question, idempotency_key=None)
        store.conversations.finish_turn(turn.id, _answered(label=label))
        turns.append(turn)
    store.conversations.give_feedback(turns[1].id, "down")
    store.reviews.judge(turns[0].id, Verdict("approved"), reviewer="ada")

    def questions(**chosen: str) -> list[str]:
        return [c.question for c in store.conversations.list(assistant_id, Filter(**chosen))]

    assert questions() == ["Who?", "Where is 100% wool?"]
    assert questions(label="refused") == ["Who?"]
    assert questions(feedback="down") == ["Who?"]
    assert questions(verdict="approved") == ["Where is 100% wool?"]
    assert questions(verdict="none") == ["Who?"]
    assert questions(text="100%") == ["Where is 100% wool?"]
    assert questions(text="100_") == []


def test_b41_a_verdict_over_a_newer_one_is_a_conflict(store: Store) -> None:
    conversation = _conversation(store, _assistant(store))
    turn, _ = store.conversations.open_turn(conversation, "Q", idempotency_key=None)
    first = store.reviews.judge(turn.id, Verdict("approved"), reviewer="ada", seen="")
    with pytest.raises(Conflict):
        store.reviews.judge(turn.id, Verdict("approved"), reviewer="bob", seen="")
    store.reviews.judge(
        turn.id, Verdict("corrected", "tone", "Better."), reviewer="bob", seen=first.id
    )
    (in_force,) = store.reviews.in_force(conversation.assistant_id)
    assert (in_force.verdict, in_force.reply) == ("corrected", "Better.")
    assert len(store.reviews.of_turn(turn.id)) == 2


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"verdict": "meh"}, "verdict"),
        ({"verdict": "corrected", "fault": "tone"}, "corrected reply"),
        ({"verdict": "rejected"}, "fault"),
        ({"verdict": "rejected", "fault": "taste"}, "fault"),
    ],
)
def test_a_verdict_says_what_is_missing(values: dict[str, str], word: str) -> None:
    with pytest.raises(Invalid, match=word):
        Verdict(**values)


def test_examples_are_imported_once(store: Store) -> None:
    assistant_id = _assistant(store)
    new = [NewExample("Q1", "A1"), NewExample("Q2", "A2", "from here")]
    assert store.pairs.import_examples(assistant_id, new, origin="f") == (2, 0)
    assert store.pairs.import_examples(assistant_id, new, origin="f") == (0, 2)


def test_one_run_is_open_at_a_time_and_ends_once(store: Store) -> None:
    assistant_id = _assistant(store)
    run = store.runs.ask(assistant_id, config={"rank": 8}, requested_by="ada")
    with pytest.raises(Conflict):
        store.runs.ask(assistant_id, config={}, requested_by="bob")
    store.runs.end(run.id, "cancelled")
    store.runs.end(run.id, "passed")
    assert store.runs.run(run.id).status == "cancelled"


def test_a_run_says_its_kind_and_whether_any_is_open(store: Store) -> None:
    one, other = _assistant(store), store.assistants.create("Other").id
    assert not store.runs.is_any_open()
    run = store.runs.ask(one, config={"kind": "grounding"}, requested_by="t")
    assert run.kind == "grounding" and store.runs.is_any_open()
    store.runs.end(run.id, "passed")
    assert not store.runs.is_any_open()
    assert store.runs.ask(other, config={}, requested_by="t").kind == "voice"


def test_rolling_back_returns_step_by_step_to_the_base(store: Store) -> None:
    assistant_id = _assistant(store)
    first, second = _adapter(store, assistant_id), _adapter(store, assistant_id)
    for adapter in (first, second):
        store.adapters.activate(assistant_id, adapter.id, reason="passed the gate", actor="ada")
    assert store.adapters.roll_back(assistant_id, actor="ada").adapter_id == first.id
    assert store.adapters.roll_back(assistant_id, actor="ada").adapter_id is None
    with pytest.raises(Conflict):
        store.adapters.roll_back(assistant_id, actor="ada")
    assert len(store.adapters.activations(assistant_id)) == 4
    assert store.adapters.active(assistant_id)[1] is None


def test_b35_two_promotions_at_once_make_one_conflict(store: Store) -> None:
    assistant_id = _assistant(store)
    adapter = _adapter(store, assistant_id)
    promote = {"reason": "passed the gate", "expected": ""}
    store.adapters.activate(assistant_id, adapter.id, actor="ada", **promote)
    with pytest.raises(Conflict):
        store.adapters.activate(assistant_id, adapter.id, actor="bob", **promote)


def test_a_set_up_link_works_once(store: Store) -> None:
    token = store.people.invite(role="owner")
    assert store.people.invited_role(token) == "owner"
    assert store.people.use_invitation(token) == "owner"
    with pytest.raises(NotFound):
        store.people.use_invitation(token)
    with pytest.raises(NotFound):
        store.people.invited_role("made-up")


def test_a_new_password_signs_out_everywhere(store: Store) -> None:
    person = store.people.add("Ada@Example.org", role="owner", password_hash="x")
    store.people.set_password(person.id, "y")
    assert store.people.by_session(person.session_token) is None
    again = store.people.by_email("ada@example.org")
    assert again is not None and again.password_hash == "y"


def test_a_voice_that_was_promoted_twice_is_rolled_back_to_what_stood_before_it(
    store: Store,
) -> None:
    assistant_id = _assistant(store)
    first, second = _adapter(store, assistant_id), _adapter(store, assistant_id)
    for adapter in (first, second, second):
        store.adapters.activate(assistant_id, adapter.id, reason="promoted", actor="ada")
    assert store.adapters.roll_back(assistant_id, actor="ada").adapter_id == first.id
    assert store.adapters.roll_back(assistant_id, actor="ada").adapter_id is None


def test_two_changes_of_a_plan_at_once_both_come_in(store: Store) -> None:
    assistant_id = _assistant(store)
    changes = ({"every_pairs": 7}, {"canary_days": 9}, {"from_hour": 22}, {"to_hour": 6})
    ready = threading.Barrier(len(changes))

    def change(values: dict[str, int]) -> None:
        ready.wait()
        store.plans.change(assistant_id, values)

    threads = [threading.Thread(target=change, args=(values,)) for values in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chosen = store.plans.of(assistant_id).chosen
    assert (chosen.every_pairs, chosen.canary_days) == (7, 9)
    assert (chosen.from_hour, chosen.to_hour) == (22, 6)
