"""The question list and its runs, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from server.errors import Conflict, Invalid, NotFound
from server.store import Store
from server.store.check_runs import Fingerprints
from server.store.checks import NewCheck
from server.store.tables import checks
from tests.speaking import RETURNS, SHIPPING, SITE, Talk, WordEmbedder, teach

PAGE = {"url": "https://www.acme.example/returns"}
STATE = Fingerprints("c1", "m1", "1", None)


@pytest.fixture
def assistant(store: Store) -> str:
    return store.assistants.create("Docs", key="docs").id


def _rows(*passed: bool | None) -> list[dict[str, Any]]:
    return [{"question": f"Q{n}", "expect": None, "passed": p} for n, p in enumerate(passed)]


def test_a_list_keeps_its_order_and_the_three_kinds_of_expectation(
    store: Store, assistant: str
) -> None:
    wanted = [PAGE, {"phrase": "30 days"}, None]
    for n, expect in enumerate(wanted):
        store.checks.add(assistant, NewCheck(f"Question {n}?", expect), author="ana")
    found = store.checks.of_assistant(assistant)
    assert [c.expect for c in found] == wanted
    assert [c.question for c in found] == ["Question 0?", "Question 1?", "Question 2?"]
    assert found[0].author == "ana" and found[0].turn_id is None


def test_a_question_to_refuse_is_null_for_the_database_too(store: Store, assistant: str) -> None:
    store.checks.import_many(assistant, [NewCheck("A?", None), NewCheck("B?", PAGE)], author="ana")
    store.checks.add(assistant, NewCheck("C?", None), author="ana")
    kept = store.checks.of_assistant(assistant)[1]
    store.checks.change(assistant, kept.id, NewCheck("B?", None))
    with store.database.read() as connection:
        query = select(func.count()).select_from(checks).where(checks.c.expect.is_(None))
        assert connection.scalar(query) == 3


def test_the_same_question_is_listed_once_whatever_its_case_and_spaces(
    store: Store, assistant: str
) -> None:
    made = store.checks.add(assistant, NewCheck("May I return it?", PAGE), author="ana")
    with pytest.raises(Conflict, match="already"):
        store.checks.add(assistant, NewCheck("  may I  RETURN it?", None), author="bob")
    assert store.checks.like(assistant, "MAY I return it?") == made
    assert store.checks.like(assistant, "May I keep it?") is None


def test_an_import_adds_changes_and_counts_all_or_none(store: Store, assistant: str) -> None:
    store.checks.add(assistant, NewCheck("A?", PAGE), author="ana")
    told = store.checks.import_many(
        assistant,
        [NewCheck("a?", None), NewCheck("B?", PAGE), NewCheck("b?", None)],
        author="ana",
    )
    assert told == (1, 1)
    assert [(c.question, c.expect) for c in store.checks.of_assistant(assistant)] == [
        ("A?", None),
        ("b?", None),
    ]
    many = [NewCheck(f"Number {n}?", None) for n in range(500)]
    with pytest.raises(Invalid, match="500"):
        store.checks.import_many(assistant, many, author="ana")
    assert len(store.checks.of_assistant(assistant)) == 2


@pytest.mark.parametrize(
    ("question", "expect", "said"),
    [
        (" ", None, "empty"),
        ("x" * 2001, None, "2000"),
        ("Q?", {}, "three"),
        ("Q?", {"page": "x"}, "three"),
        ("Q?", {"url": "x", "phrase": "y"}, "three"),
        ("Q?", "https://x.example", "three"),
        ("Q?", {"url": " "}, "address"),
        ("Q?", {"url": "acme.example/returns"}, "no scheme"),
        ("Q?", {"url": "acme.example:8080/returns"}, "no scheme"),
        ("Q?", {"url": "localhost:8080"}, "no scheme"),
        ("Q?", {"phrase": 5}, "phrase"),
        ("\x00", None, "empty"),
        ("Q?", {"phrase": "\x00"}, "empty"),
        ("Q?", {"phrase": "x" * 2001}, "2000"),
    ],
)
def test_a_question_without_a_sound_expectation_is_refused(
    question: str, expect: Any, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        NewCheck(question, expect)


@pytest.mark.parametrize(
    "url", ["/returns", "file:A.pdf", "faq:A.csv#:~:text=B", "HTTP://a.example"]
)
def test_an_address_has_a_scheme_or_begins_at_the_root(url: str) -> None:
    assert NewCheck("Q?", {"url": url}).expect == {"url": url}


def test_what_no_database_takes_is_cleaned(store: Store, assistant: str) -> None:
    new = NewCheck("A\x00\ud800?", {"phrase": "30\x00 days\udfff"})
    made = store.checks.add(assistant, new, author="ana")
    assert (made.question, made.expect) == ("A??", {"phrase": "30 days?"})


def test_of_those_who_come_at_once_one_gets_the_question_and_one_the_run(
    store: Store, assistant: str
) -> None:
    together = Barrier(4)

    def at_once(ask: bool) -> bool:
        together.wait()
        try:
            if ask:
                store.check_runs.ask(assistant, requested_by="ana")
            else:
                store.checks.add(assistant, NewCheck("A?", PAGE), author="ana")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(at_once, [False] * 4)) == 1
        assert sum(pool.map(at_once, [True] * 4)) == 1


def test_a_removed_question_is_gone_and_told(store: Store, assistant: str) -> None:
    made = store.checks.add(assistant, NewCheck("A?", PAGE), author="ana")
    other = store.assistants.create("Other").id
    with pytest.raises(NotFound):
        store.checks.remove(other, made.id)
    assert store.checks.remove(assistant, made.id) == made
    assert store.checks.of_assistant(assistant) == []
    with pytest.raises(NotFound):
        store.checks.remove(assistant, made.id)


def test_a_question_cannot_be_changed_into_another_ones_twin(store: Store, assistant: str) -> None:
    first = store.checks.add(assistant, NewCheck("A?", PAGE), author="ana")
    store.checks.add(assistant, NewCheck("B?", PAGE), author="ana")
    with pytest.raises(Conflict, match="same"):
        store.checks.change(assistant, first.id, NewCheck("b?", None))
    changed = store.checks.change(assistant, first.id, NewCheck("A, then?", {"phrase": "yes"}))
    assert (changed.question, changed.expect) == ("A, then?", {"phrase": "yes"})


def test_a_run_goes_from_queued_to_done_and_keeps_its_results(store: Store, assistant: str) -> None:
    store.checks.add(assistant, NewCheck("A?", PAGE), author="ana")
    run = store.check_runs.ask(assistant, requested_by="ana")
    assert (run.status, run.is_open, run.pass_rate) == ("queued", True, None)
    with pytest.raises(Conflict, match="under way"):
        store.check_runs.ask(assistant, requested_by="bob")
    store.check_runs.begin(run.id, _rows(None, None), STATE)
    store.check_runs.begin(run.id, _rows(None), Fingerprints("other", "m", "2", "d"))
    store.check_runs.record(run.id, _rows(True, None))
    begun = store.check_runs.run(run.id)
    assert (begun.status, begun.asked, begun.passed, begun.total) == ("running", 1, 1, 2)
    assert begun.fingerprints == STATE
    store.check_runs.record(run.id, _rows(True, False))
    done = store.check_runs.end(run.id, "done")
    assert (done.status, done.passed, done.pass_rate) == ("done", 1, 0.5)
    assert done.finished_at is not None
    store.check_runs.record(run.id, _rows(True, True))
    assert store.check_runs.end(run.id, "failed") == done


def test_a_run_over_an_empty_list_is_refused(store: Store, assistant: str) -> None:
    with pytest.raises(Invalid, match="empty"):
        store.check_runs.ask(assistant, requested_by="ana")


def test_runs_are_listed_newest_first_and_know_the_finished_one_before(
    store: Store, assistant: str
) -> None:
    store.checks.add(assistant, NewCheck("A?", PAGE), author="ana")
    ids = []
    for status in ("done", "cancelled", "done"):
        run = store.check_runs.ask(assistant, requested_by="ana")
        store.check_runs.begin(run.id, _rows(None), STATE)
        ids.append(store.check_runs.end(run.id, status).id)
    assert [r.id for r in store.check_runs.of_assistant(assistant)] == ids[::-1]
    assert [r.id for r in store.check_runs.of_assistant(assistant, status="done", limit=1)] == [
        ids[2]
    ]
    before = store.check_runs.before(store.check_runs.run(ids[2]))
    assert before is not None and before.id == ids[0]
    assert store.check_runs.before(before) is None
    assert store.check_runs.all_open() == []
    with pytest.raises(NotFound):
        store.check_runs.run(ids[0], assistant_id=store.assistants.create("Other").id)


def test_the_fingerprint_of_the_content_follows_it_and_nothing_else(store: Store) -> None:
    talk = Talk(store)
    id = talk.assistant.id
    first = store.check_runs.content(id)
    assert store.check_runs.content(id) == first
    talk.learn(f"{SITE}/hours", "Hours", ["The shop opens at nine in the morning."])
    second = store.check_runs.content(id)
    assert second != first
    talk.learn(f"{SITE}/hours", "Hours", ["The shop opens at ten in the morning."])
    assert store.check_runs.content(id) not in (first, second)
    talk.learn(f"{SITE}/hours", "Hours", ["The shop opens at nine in the morning."])
    assert store.check_runs.content(id) == second, "read again, but the same"
    other = store.assistants.create("Other")
    for url, title, text in (
        ("hours", "Hours", ["The shop opens at nine in the morning."]),
        ("shipping", "Shipping", SHIPPING),
        ("returns", "Returns", RETURNS),
    ):
        teach(store, other, f"{SITE}/{url}", title, text, WordEmbedder())
    assert store.check_runs.content(other.id) == second, "the order of reading does not count"
    talk.chat.close()


def test_headings_that_ask_and_addresses_are_found(store: Store) -> None:
    talk = Talk(store)
    talk.learn(f"{SITE}/faq", "Can I pay by card?", ["You can pay by card in every shop of ours."])
    asking = store.checks.question_headings(talk.assistant.id)
    assert [(h.text, h.url) for h in asking] == [("Can I pay by card?", f"{SITE}/faq")]
    known = store.checks.page_addresses(talk.assistant.id)
    assert known == [f"{SITE}/faq", f"{SITE}/returns", f"{SITE}/shipping"]
    page = store.knowledge.passages(assistant_id=talk.assistant.id)[0].page_id
    assert store.checks.page_address(talk.assistant.id, page) == f"{SITE}/returns"
    assert store.checks.page_address("ast_other", page) is None
    talk.chat.close()
