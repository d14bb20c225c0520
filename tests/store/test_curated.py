"""Curated answers in the store, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from server.errors import Conflict, Invalid, NotFound
from server.store import Store
from server.store.curated import Curated, Wording, question_key
from server.store.faq import Faq
from server.store.knowledge import NewPassage

_VECTOR = b"\x00" * 4 * 384


def _assistant(store: Store, key: str = "docs") -> str:
    return store.assistants.create("Docs", key=key).id


def _add(store: Store, assistant_id: str, question: str = "May I return it?") -> Curated:
    wording = Wording(question, "Yes, within 30 days.", "https://x.org/returns")
    return store.curated.add(assistant_id, wording, _VECTOR, author="r@x.org")


def _turn(store: Store, assistant_id: str, question: str = "Return it?") -> str:
    conversation = store.conversations.start(
        assistant_id, visitor_id="v", token_hash="h", page_url=""
    )
    return store.conversations.open_turn(conversation, question, idempotency_key=None)[0].id


def test_an_answer_is_added_changed_switched_off_and_removed(store: Store) -> None:
    assistant_id = _assistant(store)
    made = _add(store, assistant_id)
    assert (made.status, made.variants, made.turn_id) == ("approved", [], None)
    changed = store.curated.change(
        made.id, Wording("Can I return it?", "Yes.", variants=["Returns?"]), _VECTOR * 2
    )
    assert (changed.question, changed.answer, changed.url) == ("Can I return it?", "Yes.", "")
    assert changed.wordings == ["Can I return it?", "Returns?"]
    assert store.curated.set_status(made.id, "off").status == "off"
    assert store.curated.set_status(made.id, "approved").status == "approved"
    store.curated.remove(made.id)
    assert store.curated.all(assistant_id) == []
    with pytest.raises(NotFound, match="no curated answer"):
        store.curated.get(made.id)


def test_every_change_changes_the_fingerprint(store: Store) -> None:
    assistant_id = _assistant(store)
    prints = [store.curated.fingerprint(assistant_id)]
    made = _add(store, assistant_id)
    prints.append(store.curated.fingerprint(assistant_id))
    store.curated.set_status(made.id, "off")
    prints.append(store.curated.fingerprint(assistant_id))
    store.curated.change(made.id, Wording("Q?", "A."), _VECTOR)
    prints.append(store.curated.fingerprint(assistant_id))
    assert len(set(prints)) == 4


@pytest.mark.parametrize(
    ("question", "answer", "url", "variants", "said"),
    [
        ("", "A.", "", [], "question is missing"),
        ("??", "A.", "", [], "question is missing"),
        ("Q?", "  ", "", [], "answer is missing"),
        ("Q" * 501, "A.", "", [], "500 characters"),
        ("Q?", "A.", "", ["V" * 501], "500 characters"),
        ("Q?", "A" * 8001, "", [], "8001 characters"),
        ("Q?", "A.", "", [f"V{n}" for n in range(21)], "20 other wordings"),
        ("Q?", "A.", "javascript:alert(1)", [], "no web address"),
        ("Q?", "A.", "https://x.org/a b", [], "no web address"),
    ],
)
def test_what_cannot_be_used_is_said_with_a_next_step(
    question: str, answer: str, url: str, variants: list[str], said: str
) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        Wording(question, answer, url, variants)
    assert caught.value.hint


def test_a_wording_is_tidied(store: Store) -> None:
    wording = Wording(
        " May  I\nreturn it? ",
        "Yes.\r\nReally.\x00 ",
        " https://x.org ",
        ["", "may I return it", "X?"],
    )
    assert wording.question == "May I return it?" and wording.answer == "Yes.\nReally."
    assert wording.url == "https://x.org" and wording.variants == ["X?"]
    lone = Wording("Half \ud800 a pair?", "Yes \ud800.")
    assert store.curated.add(_assistant(store), lone, _VECTOR, author="x").answer == "Yes ?."


@pytest.mark.parametrize(
    "twin", ["May I return it? ", "MAY I RETURN IT", "May I\u200b return  it?!"]
)
def test_a_blank_or_a_capital_does_not_make_a_second_answer(store: Store, twin: str) -> None:
    assistant_id = _assistant(store)
    made = _add(store, assistant_id)
    with pytest.raises(Conflict, match="May I return it"):
        _add(store, assistant_id, twin)
    _add(store, _assistant(store, "other"), twin)
    store.curated.set_status(made.id, "off")
    _add(store, assistant_id, twin)
    with pytest.raises(Conflict):
        store.curated.set_status(made.id, "approved")


def test_a_variant_is_a_question_too(store: Store) -> None:
    assistant_id = _assistant(store)
    made = _add(store, assistant_id)
    with pytest.raises(Conflict):
        store.curated.add(
            assistant_id, Wording("Else?", "No.", variants=["may i return it"]), _VECTOR, author="x"
        )
    store.curated.change(made.id, Wording("May I return it?", "No."), _VECTOR)


def test_of_many_who_add_one_question_at_once_one_does(store: Store) -> None:
    assistant_id, together = _assistant(store), Barrier(4)

    def add(n: int) -> bool:
        together.wait()
        try:
            _add(store, assistant_id)
        except Conflict:
            return False
        return True

    for _ in range(5):
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(add, range(4))) == 1
        store.curated.remove(store.curated.all(assistant_id)[0].id)


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(store: Store) -> None:
    made = _add(store, _assistant(store))
    seen = made.updated_at.isoformat()
    changed = store.curated.change(made.id, Wording("Q?", "Mine.", seen=seen), _VECTOR)
    with pytest.raises(Conflict, match="Somebody changed") as caught:
        store.curated.change(made.id, Wording("Q?", "Other.", seen=seen), _VECTOR)
    assert caught.value.hint and "Reload" in caught.value.hint
    with pytest.raises(Conflict):
        store.curated.set_status(made.id, "off", seen=seen)
    assert store.curated.get(made.id) == changed


def test_hits_are_counted_and_lead_to_their_turns(store: Store) -> None:
    assistant_id = _assistant(store)
    made, other = _add(store, assistant_id), _add(store, assistant_id, "Something else?")
    first, second = (_turn(store, assistant_id, q) for q in ("One?", "Two?"))
    store.curated.record_hit(made.id, first, 1.0)
    store.curated.record_hit(made.id, second, 0.9)
    store.curated.record_hit("cur_gone", second, 0.9)
    counts = store.curated.counts(assistant_id)
    assert counts[made.id].count == 2 and counts[made.id].last_at is not None
    assert other.id not in counts
    hits = store.curated.hits(made.id)
    assert [(h.question, h.score) for h in hits] == [("Two?", 0.9), ("One?", 1.0)]
    assert hits[0].turn_id == second and hits[0].conversation_id.startswith("cnv_")
    assert hits[0].created_at.tzinfo is not None
    store.curated.remove(made.id)
    assert store.curated.counts(assistant_id) == {}


def test_an_answer_remembers_the_turn_it_was_made_from(store: Store) -> None:
    assistant_id = _assistant(store)
    turn_id = _turn(store, assistant_id)
    assert store.curated.of_turn(turn_id) is None
    made = store.curated.add(
        assistant_id, Wording("Q?", "A."), _VECTOR, author="x", turn_id=turn_id
    )
    assert store.curated.of_turn(turn_id) == made


def test_an_answer_of_another_assistant_is_not_found(store: Store) -> None:
    made = _add(store, _assistant(store))
    with pytest.raises(NotFound):
        store.curated.get(made.id, assistant_id=_assistant(store, "other"))
    with pytest.raises(Invalid, match="approved, off"):
        store.curated.set_status(made.id, "on")


def test_only_faq_sources_give_headings_and_whole_answers(store: Store) -> None:
    assistant_id, faq = _assistant(store), Faq(store.database)
    before = faq.fingerprint(assistant_id)
    for kind, url in (("faq", "https://x.org/faq"), ("website", "https://x.org/site")):
        source = store.knowledge.add_source(assistant_id, kind, url, {})
        parts = [
            NewPassage(n, f"Question of {kind}?", "", f"Part {n}.", f"h{n}", [(0, 7)], b"", b"")
            for n in range(2)
        ]
        put = {"url": url, "title": f"Question of {kind}?", "hash": "h", "round": 1}
        store.knowledge.put_page(source, **put, new_passages=parts)
    headings = faq.headings(assistant_id)
    assert [h.heading for h in headings] == ["Question of faq?"]
    assert faq.answers(assistant_id) == {headings[0].page_id: "Part 0.\n\nPart 1."}
    assert faq.source_of(headings[0].page_id) == headings[0].source_id
    page = faq.page_by_url(assistant_id, "https://x.org/site#there")
    assert page is not None and page.title == "Question of website?"
    assert faq.page_by_url(assistant_id, "https://x.org/none") is None
    assert faq.fingerprint(assistant_id) != before


def test_a_question_compares_by_its_words() -> None:
    assert question_key("“Can’t I?” ") == question_key("can't i") == "can't i"
    assert question_key("Ｆｕｌｌ width") == "full width"
