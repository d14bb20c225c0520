"""The console in a real browser: keyboard, swapped parts, policy, and no sideways scrolling."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from server.answering.curated import CuratedAnswers
from server.store.canaries import Trial
from server.store.check_runs import Fingerprints
from server.store.checks import NewCheck
from server.store.curated import Wording
from server.store.pairs import NewExample
from server.store.reviews import Verdict
from tests.speaking import QUESTION, RETURNS, Talk
from tests.web.conftest import PASSWORD, World

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("PARLANCE_TEST_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium; install it: apt-get install chromium")
    subprocess.run([sys.executable, str(ROOT / "widget" / "hatch_build.py")], check=True)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tab(chromium: Browser, address: str) -> Iterator[Page]:
    """A page of the owner, who has signed in by the form; policy violations fail the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    opened, complaints = context.new_page(), []
    opened.on("console", lambda m: complaints.append(m.text) if "Policy" in m.text else None)
    opened.on("pageerror", lambda e: complaints.append(str(e)))
    opened.goto(f"{address}/console/sign-in")
    opened.fill("[name=email]", "owner@example.org")
    opened.fill("[name=password]", PASSWORD)
    opened.click("text=Sign in >> nth=-1")
    opened.wait_for_url("**/console/")
    yield opened
    context.close()
    assert complaints == []


def test_reviewer_judges_by_keyboard_and_goes_on(world: World, tab: Page, address: str) -> None:
    older, newer = world.turn("Older?", "An old reply."), world.turn("Newer?", "A new reply.")
    tab.goto(f"{address}/console/acme/next")
    tab.locator(".turn.here").wait_for()
    tab.keyboard.press("a")
    tab.locator(".verdicts >> text=approved").wait_for()
    tab.keyboard.press("n")
    tab.locator("text=An old reply.").first.wait_for()
    tab.locator(".turn.here").wait_for()
    tab.keyboard.press("c")
    tab.keyboard.press("2")
    tab.keyboard.press("Control+a")
    tab.keyboard.type("A kinder reply, and a click, an x.")
    tab.keyboard.press("Control+Enter")
    tab.locator(".verdicts >> text=corrected").wait_for()
    review = world.store.reviews.of_turn(older.id)[0]
    assert (review.fault, review.reply) == ("tone", "A kinder reply, and a click, an x.")
    assert world.store.reviews.of_turn(newer.id)[0].verdict == "approved"


def test_b41_conflict_keeps_what_was_typed_on_the_screen(
    world: World, tab: Page, address: str
) -> None:
    turn = world.turn()
    tab.goto(f"{address}/console/acme/next")
    tab.locator(".turn.here").wait_for()
    world.store.reviews.judge(turn.id, Verdict("approved"), reviewer="other@example.org")
    tab.keyboard.press("x")
    tab.keyboard.press("1")
    tab.keyboard.type("My careful note")
    tab.keyboard.press("Control+Enter")
    tab.locator("[role=alert] >> text=Somebody else").wait_for()
    assert tab.input_value("[name=note]") == "My careful note"
    assert tab.is_checked("[name=fault][value=fact]")
    tab.keyboard.press("Control+Enter")
    tab.locator("textarea[name=note]").focus()
    tab.keyboard.press("Control+Enter")
    tab.locator(".in-force >> text=rejected").wait_for()
    assert world.store.reviews.of_turn(turn.id)[-1].note == "My careful note"


def test_list_is_filtered_in_place_and_walked_by_keys(
    world: World, tab: Page, address: str
) -> None:
    for n in range(3):
        world.turn(f"Question {n}", label="refused" if n == 1 else "supported")
    tab.goto(f"{address}/console/acme/conversations")
    tab.select_option("[name=label]", "refused")
    tab.wait_for_url("**label=refused**")
    tab.wait_for_function("document.querySelectorAll('.talk').length === 1")
    tab.goto(f"{address}/console/acme/conversations")
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/conversations/cnv_*")
    assert tab.inner_text(".turn .question") == "Question 1"


def test_source_follows_its_reading_without_a_reload(world: World, tab: Page, address: str) -> None:
    source = world.store.knowledge.add_source(world.assistant.id, "website", "https://x.org/", {})
    tab.goto(f"{address}/console/acme/sources")
    tab.locator("text=It waits for its turn.").wait_for()
    world.store.knowledge.set_source(source.id, status="ready")
    tab.locator(".source .badge >> text=ready").wait_for()


def test_a_listed_question_is_removed_and_put_back_by_keyboard(
    world: World, tab: Page, address: str
) -> None:
    world.store.checks.add(world.assistant.id, NewCheck("May I?", {"phrase": "yes"}), author="x")
    tab.goto(f"{address}/console/acme/checks")
    tab.get_by_role("button", name="Remove “May I?”").press("Enter")
    undo = tab.get_by_role("button", name="Undo")
    undo.wait_for()
    assert world.store.checks.of_assistant(world.assistant.id) == []
    undo.press("Enter")
    tab.locator(".check >> text=May I?").wait_for()
    assert len(world.store.checks.of_assistant(world.assistant.id)) == 1


def test_a_turn_goes_on_the_question_list_and_a_run_is_followed_to_its_end(
    world: World, tab: Page, address: str
) -> None:
    turn = world.turn("Who wrote Tosca?", "No idea.", label="refused")
    tab.goto(f"{address}/console/acme/conversations/{turn.conversation_id}")
    tab.get_by_role("button", name="Add to the question list").click()
    tab.get_by_role("link", name="See the list").click()
    tab.locator(".check:target >> text=Must be refused").wait_for()
    tab.get_by_role("button", name="Run now").click()
    tab.locator("text=Waiting to begin").wait_for()
    run = world.store.check_runs.of_assistant(world.assistant.id)[0]
    rows = [{"question": turn.question, "expect": None, "passed": True, "why": "", "ms": 3}]
    rows[0] |= {"reply": "No idea.", "label": "refused", "urls": []}
    world.store.check_runs.begin(run.id, rows, Fingerprints("c", "m", "1", None))
    world.store.check_runs.record(run.id, rows)
    world.store.check_runs.end(run.id, "done")
    tab.get_by_role("link", name="Show the result").click()
    tab.locator(".pass-rate >> text=100%").wait_for()


def test_promotion_is_confirmed_in_a_dialog(world: World, tab: Page, address: str) -> None:
    adapter = world.adapter(nll_before=3.0, nll_after=1.0)
    tab.goto(f"{address}/console/acme/tuning")
    tab.get_by_role("button", name="Promote", exact=True).click()
    tab.get_by_role("button", name="Promote it").click()
    tab.locator("text=It answers from the next turn on.").wait_for()
    active: Any = world.store.adapters.active(world.assistant.id)[1]
    assert active.id == adapter.id


def test_answers_are_compared_blindly_by_keyboard(world: World, tab: Page, address: str) -> None:
    samples = [
        {"question": f"Question {n}?", "owner": "", "before": f"old {n}", "after": f"new {n}"}
        for n in range(2)
    ]
    adapter = world.adapter(report={"samples": samples})
    tab.goto(f"{address}/console/acme/runs/{adapter.run_id}/blind")
    for place in ("1 of 2", "2 of 2"):
        tab.locator(f"text={place}").wait_for()
        first = tab.locator(".two-answers .text").first.inner_text()
        tab.keyboard.press("l" if first.startswith("new") else "r")
    tab.locator("text=100% for the new voice").wait_for()
    chosen = world.store.blind.in_force(adapter.id)
    assert [choice.choice for choice in chosen] == ["after", "after"]


def test_a_wrong_plan_is_told_at_its_field_and_what_was_typed_stays(
    world: World, tab: Page, address: str
) -> None:
    tab.goto(f"{address}/console/acme/tuning")
    tab.get_by_role("link", name="By itself").click()
    tab.fill("[name=schedule]", "at night")
    tab.get_by_role("button", name="Save").click()
    expect(tab.locator("#e-schedule")).to_contain_text("five fields")
    expect(tab.locator("[name=schedule]")).to_have_value("at night")
    tab.fill("[name=schedule]", "0 3 * * *")
    tab.get_by_role("button", name="Save").click()
    tab.locator("text=The next run begins").first.wait_for()


def test_settings_are_tried_as_typed_before_they_are_saved(
    world: World, tab: Page, address: str
) -> None:
    talk = Talk(world.store, assistant=world.assistant)
    services = replace(world.services, retriever=talk.retriever, voices=talk.voices)
    world.app.extensions["parlance"] = services
    tab.goto(f"{address}/console/acme/settings")
    tab.fill("[name=contact]", "ask the neighbours")
    tab.fill("[name=refusal]", "That is not ours to know.")
    tab.fill("[name=question]", "Who composed the opera about penguins?")
    tab.keyboard.press("Enter")
    expect(tab.locator("#e-contact")).to_contain_text("e-mail address")
    expect(tab.locator("[name=contact]")).to_have_attribute("aria-invalid", "true")
    tab.locator("#tried a").click()
    expect(tab.locator("[name=contact]")).to_be_focused()
    tab.fill("[name=contact]", "help@acme.example")
    tab.get_by_role("button", name="Ask", exact=True).click()
    tries = tab.locator(".try")
    expect(tries.first).to_contain_text("As typed")
    expect(tries.first).to_contain_text("That is not ours to know.")
    expect(tries.last).to_contain_text(world.assistant.settings.refusal)
    expect(tab.locator("#e-contact")).to_be_hidden()
    assert tab.get_attribute("[name=contact]", "aria-invalid") is None
    assert world.store.assistants.by_key("acme").settings.contact == ""
    tab.reload()
    tab.fill("[name=question]", QUESTION)
    tab.keyboard.press("Enter")
    expect(tries).to_have_count(1)
    expect(tries).to_contain_text(RETURNS[0])
    tab.locator("#tried summary").click()
    expect(tab.locator("#tried pre")).to_contain_text("You are Acme Help")
    talk.chat.close()


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_page_scrolls_sideways(world: World, tab: Page, address: str, width: int) -> None:
    long = "https://docs.example.org/" + "a-very-long-part/" * 12
    turn = world.turn("W" * 300, "x" * 400, page_url=long)
    world.store.knowledge.add_source(world.assistant.id, "website", long, {})
    sample = {"question": "Q" * 200, "owner": "x" * 300, "before": "y" * 300, "after": "z" * 300}
    scored = {"name": "n" * 60, "title": "T" * 80, "before": 0.1, "after": 0.2, "n": 40}
    scored |= {"low": -0.1, "high": 0.3, "better": "less", "verdict": "not sure", "hard": True}
    adapter = world.adapter(
        nll_before=3.0, nll_after=1.0, report={"samples": [sample], "scorecard": [scored]}
    )
    world.adapter(nll_before=3.0, nll_after=2.0, report={"scorecard": [scored]})
    world.store.pairs.import_examples(
        world.assistant.id, [NewExample("Q" * 200, "A" * 400)], origin="o" * 120
    )
    trial = Trial(0.2, 100, 14)
    world.store.canaries.start(
        world.assistant.id, adapter.id, trial, actor="a" * 80 + "@example.org", expected=None
    )
    world.store.checks.add(world.assistant.id, NewCheck("W" * 300, {"url": long}), author="x")
    tab.set_viewport_size({"width": width, "height": 800})
    paths = ["", "acme/conversations", f"acme/conversations/{turn.conversation_id}"]
    wording = Wording("Q" * 300, "x" * 400, long)
    answers = CuratedAnswers(world.store, world.services.retriever)
    made = answers.add(world.assistant, wording, author="a@example.org")
    paths += ["acme/curated?try=" + "q" * 200, f"acme/curated/{made.id}"]
    paths += [
        "acme/sources",
        "acme/checks",
        "acme/settings",
        "acme/tuning",
        "acme/tuning/replies",
        "acme/tuning/compare",
        "acme/tuning/plan",
        f"acme/runs/{adapter.run_id}",
        f"acme/runs/{adapter.run_id}/blind",
        "people",
        "audit",
        "account",
    ]
    for path in paths:
        tab.goto(f"{address}/console/{path}")
        over = tab.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over <= 0, path
