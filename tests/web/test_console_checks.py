"""The question list in the console: writing it, running it, what changed, and from a turn."""

from __future__ import annotations

import io
from typing import Any

import pytest
from lxml import html

from server.store.check_runs import CheckRun, Fingerprints
from server.store.checks import NewCheck
from tests.speaking import WordEmbedder, teach
from tests.web.conftest import World

PATH = "/console/acme/checks"
PAGE = "https://acme.example/returns"
HTMX = {"HX-Request": "true"}


def _add(world: World, question: str, expect: dict[str, str] | None) -> str:
    return world.store.checks.add(world.assistant.id, NewCheck(question, expect), author="x").id


def _run(world: World, content: str, *rows: dict[str, Any], by: str = "ana") -> CheckRun:
    """A finished run over the list, all passed but for what the rows say."""
    store, given = world.store, {row["question"]: row for row in rows}
    run = store.check_runs.ask(world.assistant.id, requested_by=by)
    blank = {"passed": True, "why": "", "reply": "Yes.", "label": "supported", "urls": [PAGE]}
    results = [
        blank | {"question": c.question, "expect": c.expect, "ms": 7} | given.get(c.question, {})
        for c in store.checks.of_assistant(world.assistant.id)
    ]
    store.check_runs.begin(run.id, results, Fingerprints(content, "m", "1", None))
    store.check_runs.record(run.id, results)
    return store.check_runs.end(run.id, "done")


def _questions(world: World) -> list[tuple[str, dict[str, str] | None]]:
    return [(c.question, c.expect) for c in world.store.checks.of_assistant(world.assistant.id)]


def test_an_empty_list_says_what_to_do_and_offers_what_is_asked(world: World) -> None:
    teach(world.store, world.assistant, PAGE, "Can I pay by card?", ["By card."], WordEmbedder())
    world.turn("Who wrote the opera Tosca?", "No idea.", label="refused")
    page = world.client("reviewer").get(PATH).text
    assert "Write down what must not go wrong" in page
    assert "Can I pay by card?" in page and "Who wrote the opera Tosca?" in page
    assert "Run now" not in page
    looking = world.client("viewer").get(PATH).text
    assert "A reviewer or an owner adds questions here." in looking
    assert "Can I pay by card?" not in looking and "<form" not in looking.split("<main")[1]


@pytest.mark.parametrize(
    ("form", "expect"),
    [
        ({"kind": "url", "value": f" {PAGE} "}, {"url": PAGE}),
        ({"kind": "phrase", "value": "30 days"}, {"phrase": "30 days"}),
        ({"kind": "refuse", "value": "left over"}, None),
    ],
)
def test_a_question_is_added_with_what_it_expects(
    world: World, form: dict[str, str], expect: dict[str, str] | None
) -> None:
    added = world.client("reviewer").post(PATH, {"question": " May I? "} | form)
    assert added.headers["Location"].endswith("checks?done=check-added")
    assert _questions(world) == [("May I?", expect)]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"question": " ", "kind": "refuse"}, "empty"),
        ({"question": "Mine?", "kind": "url", "value": " "}, "address of the page is empty"),
        ({"question": "Mine?", "kind": "nonsense", "value": "x"}, "not one of the three"),
        ({"question": "KNOWN?", "kind": "refuse"}, "on the list already"),
    ],
)
def test_what_was_typed_stands_beside_why_it_was_not_added(
    world: World, form: dict[str, str], said: str
) -> None:
    _add(world, "Known?", None)
    answer = world.client("reviewer").post(PATH, form)
    assert answer.status_code in (400, 409)
    page = html.fromstring(answer.text)
    assert said in page.xpath("string(//details[@open]//*[@role='alert'])")
    assert page.xpath("//input[@id='q-new']/@value") == [form["question"]]
    assert len(_questions(world)) == 1


def test_a_list_is_imported_from_a_paste_and_from_a_file(world: World) -> None:
    reviewer = world.client("reviewer")
    pasted = '{"question": "A?", "expect": null}'
    assert reviewer.post(f"{PATH}/import", {"text": pasted}).status_code == 303
    file = (io.BytesIO(b"question,url\nB?,https://acme.example/\n"), "list.csv")
    assert reviewer.post(f"{PATH}/import", {"file": file}).status_code == 303
    assert [q for q, _ in _questions(world)] == ["A?", "B?"]
    wrong = reviewer.post(f"{PATH}/import", {"text": "question,url\nC?,/x\nD?,\n"})
    assert wrong.status_code == 400 and "Row 3 of What was pasted" in wrong.text
    assert "C?,/x" in wrong.text, "what was pasted is kept"
    assert len(_questions(world)) == 2


@pytest.mark.parametrize("expect", [{"url": PAGE}, {"phrase": 'say "yes" & no'}, None])
def test_a_removed_question_is_put_back_by_undo(
    world: World, expect: dict[str, str] | None
) -> None:
    id, reviewer = _add(world, 'May I "return" <it>?', expect), world.client("reviewer")
    gone = reviewer.post(f"{PATH}/{id}/remove", headers=HTMX)
    assert _questions(world) == [] and "Removed" in gone.text
    form = html.fromstring(gone.text).xpath("//form")[0]
    fields = {i.get("name"): i.get("value") for i in form.xpath(".//input")}
    assert form.get("hx-post") == PATH
    back = reviewer.post(PATH, {k: v or "" for k, v in fields.items()}, headers=HTMX)
    assert back.status_code == 200 and "May I" in back.text
    assert _questions(world) == [('May I "return" <it>?', expect)]


def test_removing_works_without_javascript_too(world: World) -> None:
    id = _add(world, "May I?", None)
    page = world.client("reviewer").post(f"{PATH}/{id}/remove").text
    assert "Removed" in page and "Undo" in page and "<h1>Question list" in page


def test_a_question_is_changed_in_its_row(world: World) -> None:
    id, reviewer = _add(world, "May I?", None), world.client("reviewer")
    _add(world, "Must I?", None)
    form = {"question": "May I, please?", "kind": "phrase", "value": "yes"}
    assert reviewer.post(f"{PATH}/{id}/change", form).headers["Location"].endswith(f"#{id}")
    assert _questions(world)[0] == ("May I, please?", {"phrase": "yes"})
    twin = reviewer.post(f"{PATH}/{id}/change", form | {"question": "must i?"})
    assert twin.status_code == 409 and "asks the same" in twin.text
    assert 'value="must i?"' in twin.text


def test_the_list_is_run_once_followed_and_cancelled(world: World) -> None:
    reviewer = world.client("reviewer")
    assert "empty" in reviewer.post(f"{PATH}/run").text
    _add(world, "May I?", None)
    assert reviewer.post(f"{PATH}/run").headers["Location"].endswith("done=check-run")
    run = world.store.check_runs.of_assistant(world.assistant.id)[0]
    assert world.jobs.queued == [("checks", "check", (run.id,))]
    assert "under way" in reviewer.post(f"{PATH}/run").text
    rows = [{"question": f"Q{n}", "expect": None, "passed": n < 1 or None} for n in range(3)]
    world.store.check_runs.begin(run.id, rows, Fingerprints("c", "m", "1", None))
    world.store.check_runs.record(run.id, rows)
    part = reviewer.get(f"{PATH}/runs/{run.id}", headers=HTMX)
    assert "1 of 3 asked, 1 passes so far." in part.text
    assert 'value="1" max="3"' in part.text and "HX-Refresh" not in part.headers
    reviewer.post(f"{PATH}/runs/{run.id}/cancel")
    assert world.jobs.cancelled == [run.id]
    ended = reviewer.get(f"{PATH}/runs/{run.id}", headers=HTMX)
    assert "The run has ended." in ended.text and "hx-get" not in ended.text
    assert html.fromstring(ended.text).xpath("//a/@href") == [PATH]
    assert "HX-Refresh" not in ended.headers, "somebody may be typing"
    assert "cancelled" in reviewer.get(PATH).text


def test_the_page_says_what_changed_between_runs_and_what_fails_now(world: World) -> None:
    for n in range(4):
        _add(world, f"Question {n}?", {"url": PAGE})
    failing = {"passed": False, "why": "Another page is cited: https://x.example/."}
    _run(world, "c1", *[{"question": f"Question {n}?"} | failing for n in (0, 1, 2)])
    latest = _run(world, "c2", {"question": "Question 3?"} | failing, by="automatic")
    page = html.fromstring(world.client("viewer").get(PATH).text)
    text = " ".join(page.text_content().split())
    assert "75%" in text and "3 of 4 questions" in text
    assert text.count("Content changed: 3 more pass, 1 now fails.") == 2, "above, and in the table"
    first = page.xpath("//ul[contains(@class, 'checks')]/li")[0]
    assert "Question 3?" in first.text_content() and "Another page" in first.text_content()
    assert "itself, after a change" in text and "The first run" in text
    bars = page.xpath("//svg[@class='bars']//rect[@class='value']/@height")
    assert bars == ["25.0", "75.0"]
    old = world.client("viewer").get(f"{PATH}/runs/{latest.id}").text
    assert "3 of 4 pass" in old and "Asked by itself after a change" in old


def test_a_result_of_another_expectation_is_no_result(world: World) -> None:
    id = _add(world, "May I?", {"url": PAGE})
    _run(world, "c1")
    assert "passes" in world.client("viewer").get(PATH).text
    world.store.checks.change(world.assistant.id, id, NewCheck("May I?", None))
    assert "not asked" in world.client("viewer").get(PATH).text


def test_a_turn_goes_on_the_list_with_one_click_as_it_went(world: World) -> None:
    cited = [{"n": 1, "url": f"{PAGE}#refunds", "title": "R", "quote": "q", "page": "p"}]
    answered = world.turn("May I return it?", citations=cited)
    refused = world.turn("Who wrote Tosca?", "No idea.", label="refused")
    reviewer = world.client("reviewer")
    shown = reviewer.get(f"/console/acme/conversations/{answered.conversation_id}").text
    assert "Add to the question list" in shown
    clicked = reviewer.post(f"/console/acme/turns/{answered.id}/check", headers=HTMX)
    assert "On the question list" in clicked.text and "acme.example/returns" in clicked.text
    assert "autofocus" in clicked.text, "the keyboard stays where it was"
    assert reviewer.post(f"/console/acme/turns/{refused.id}/check").status_code == 303
    assert _questions(world) == [("May I return it?", {"url": PAGE}), ("Who wrote Tosca?", None)]
    assert world.store.checks.of_assistant(world.assistant.id)[0].turn_id == answered.id
    again = reviewer.post(f"/console/acme/turns/{answered.id}/check", headers=HTMX)
    assert again.status_code == 200 and len(_questions(world)) == 2
    shown = reviewer.get(f"/console/acme/conversations/{answered.conversation_id}").text
    assert "On the question list" in shown and "Add to the question list" not in shown
    assert "autofocus" not in shown


def test_a_viewer_and_a_turn_without_an_answer_have_no_such_button(world: World) -> None:
    turn, failed = world.turn(), world.turn(status="failed", label="", reply="")
    place = "/console/acme/conversations/"
    assert "Add to the" not in world.client("viewer").get(place + turn.conversation_id).text
    assert "Add to the" not in world.client("owner").get(place + failed.conversation_id).text


def test_a_wish_about_the_last_answer_has_no_button_and_says_what_to_do(world: World) -> None:
    turn = world.turn("Shorter, please.", signals={"kind": "shorter"})
    owner = world.client("owner")
    shown = owner.get(f"/console/acme/conversations/{turn.conversation_id}").text
    assert "Add to the question list" not in shown
    pressed = owner.post(f"/console/acme/turns/{turn.id}/check", headers=HTMX)
    assert pressed.status_code == 400 and "write one on the question list" in pressed.text
    assert _questions(world) == []


def test_markup_from_visitors_and_models_stays_text(world: World) -> None:
    evil = "<script>alert(1)</script>\u202e"
    _add(world, f"May I {evil}?", {"url": "javascript:alert(1)"})
    row = {"question": f"May I {evil}?", "reply": evil, "urls": ["javascript:alert(2)"]}
    run = _run(world, "c", row | {"passed": False, "why": f"Another page is cited: {evil}."})
    for path in (PATH, f"{PATH}/runs/{run.id}"):
        answer = world.client("owner").get(path)
        page = html.fromstring(answer.text)
        assert page.xpath("//main//script") == []
        assert not [h for h in page.xpath("//main//a/@href") if "javascript" in h]
        assert "U+202E" in answer.text
        assert page.xpath("//@style | //@*[starts-with(name(), 'on')]") == []
