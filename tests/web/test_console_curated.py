"""The console's pages of curated answers, and the way from a reviewed turn to one."""

from __future__ import annotations

import re

import pytest

from server.answering.curated import CuratedAnswers
from server.store.curated import Curated, Wording
from server.store.reviews import Verdict
from tests.web.conftest import World

HOME = "/console/acme/curated"
FORM = {"question": "May I return it?", "answer": "Yes.\r\nWithin 30 days.", "url": ""}


def _add(world: World, question: str = "May I return it?", answer: str = "Yes.") -> Curated:
    answers = CuratedAnswers(world.store, world.services.retriever)
    return answers.add(world.assistant, Wording(question, answer), author="r@x.org")


def test_an_empty_page_teaches_and_offers_the_form(world: World) -> None:
    page = world.client("reviewer").get(HOME).text
    assert "No curated answers yet" in page and '<details class="panel fold" open>' in page
    seen = world.client("viewer").get(HOME).text
    assert "Reviewers add them here" in seen and '<form method="post"' not in seen.split("<main")[1]


def test_an_answer_is_added_listed_and_edited(world: World) -> None:
    reviewer = world.client("reviewer")
    answer = reviewer.post(HOME, FORM | {"variants": "Returns?\r\n\r\nRefunds?"})
    assert answer.status_code == 303 and answer.headers["Location"].endswith("done=curated")
    made = world.store.curated.all(world.assistant.id)[0]
    assert (made.answer, made.variants) == ("Yes.\nWithin 30 days.", ["Returns?", "Refunds?"])
    assert made.author == "reviewer@example.org"
    page = reviewer.get(HOME).text
    assert "May I return it?" in page and "not given yet" in page and "2 other wordings" in page
    changed = reviewer.post(f"{HOME}/{made.id}", FORM | {"answer": "No."})
    assert changed.status_code == 303
    assert world.store.curated.get(made.id).answer == "No."
    actions = [entry.action for entry in world.store.audit.newest()]
    assert actions == ["curated.change", "curated.add"]


def test_what_was_typed_stays_when_it_cannot_be_stored(world: World) -> None:
    reviewer = world.client("reviewer")
    refused = reviewer.post(HOME, FORM | {"answer": " ", "url": "https://x.org/kept"})
    assert refused.status_code == 400 and "The answer is missing." in refused.text
    assert "https://x.org/kept" in refused.text and "May I return it?" in refused.text
    made = _add(world)
    twin = reviewer.post(HOME, FORM | {"question": "may i RETURN it"})
    assert twin.status_code == 409 and "already" in twin.text
    wrong = reviewer.post(f"{HOME}/{made.id}", FORM | {"url": "javascript:alert(1)"})
    assert wrong.status_code == 400 and "no web address" in wrong.text
    assert world.store.curated.get(made.id).url == ""


def test_two_who_edit_one_answer_do_not_overwrite_each_other(world: World) -> None:
    made, reviewer = _add(world), world.client("reviewer")
    page = reviewer.get(f"{HOME}/{made.id}").text
    seen = {"seen": made.updated_at.isoformat()}
    assert f'name="seen" value="{seen["seen"]}"' in page
    assert reviewer.post(f"{HOME}/{made.id}", FORM | seen | {"answer": "Mine."}).status_code == 303
    late = reviewer.post(f"{HOME}/{made.id}", FORM | seen | {"answer": "Theirs."})
    assert late.status_code == 409 and "Theirs.</textarea>" in late.text
    assert "Somebody changed this answer" in late.text and seen["seen"] in late.text
    assert world.store.curated.get(made.id).answer == "Mine."


def test_switching_off_can_be_undone(world: World) -> None:
    made, reviewer = _add(world), world.client("reviewer")
    off = reviewer.post(f"{HOME}/{made.id}/status", {"status": "off"})
    assert world.store.curated.get(made.id).status == "off"
    page = reviewer.get(off.headers["Location"]).text
    assert "Switched off" in page and "Undo" in page
    reviewer.post(f"{HOME}/{made.id}/status", {"status": "approved"})
    assert world.store.curated.get(made.id).status == "approved"
    assert "Undo" not in reviewer.get(off.headers["Location"]).text
    assert reviewer.post(f"{HOME}/{made.id}/status", {"status": "on"}).status_code == 400


def test_one_is_removed_with_its_log(world: World) -> None:
    made = _add(world)
    world.store.curated.record_hit(made.id, world.turn().id, 0.9)
    assert world.client("reviewer").post(f"{HOME}/{made.id}/remove").status_code == 303
    assert world.store.curated.all(world.assistant.id) == []


def test_the_log_of_hits_links_to_the_conversations(world: World) -> None:
    made, turn = _add(world), world.turn("Can I return it, <b>please</b>?")
    world.store.curated.record_hit(made.id, turn.id, 0.93)
    page = world.client("viewer").get(f"{HOME}/{made.id}").text
    assert f"conversations/{turn.conversation_id}#{turn.id}" in page
    assert "0.93" in page and "&lt;b&gt;please" in page
    assert "given 1 time" in world.client("viewer").get(HOME).text


def test_a_reviewed_turn_becomes_a_curated_answer_in_one_click(world: World) -> None:
    citation = {"n": 1, "title": "Returns", "url": "https://x.org/returns", "quote": "30 days."}
    turn = world.turn(reply="Sure thing.", citations=[citation])
    world.store.reviews.judge(turn.id, Verdict("corrected", "tone", "Of course."), reviewer="r")
    reviewer, path = world.client("reviewer"), f"/console/acme/conversations/{turn.conversation_id}"
    page = reviewer.get(path).text
    form = page.split('action="/console/acme/curated"')[1].split("</form>")[0]
    assert 'value="May I return it?"' in form and "Of course.</textarea>" in form
    assert 'value="https://x.org/returns"' in form and f'value="{turn.id}"' in form
    given = dict(re.findall(r'name="(question|url|turn)"[^>]* value="([^"]*)"', form))
    stored = reviewer.post(HOME, given | {"answer": "Of course."})
    assert stored.headers["Location"].endswith(f"?done=curated#{turn.id}")
    made = world.store.curated.of_turn(turn.id)
    assert made is not None and made.answer == "Of course."
    after = reviewer.get(path).text
    assert f"/console/acme/curated/{made.id}" in after and "Make it a curated answer" not in after
    assert "Make it a curated answer" not in world.client("viewer").get(path).text


def test_a_turn_that_was_answered_by_one_leads_to_it(world: World) -> None:
    made = _add(world)
    signals = {"curated": {"curated": made.id, "question": made.question, "score": 1.0}}
    turn = world.turn(label="curated", signals=signals)
    page = world.client("reviewer").get(f"/console/acme/conversations/{turn.conversation_id}").text
    assert f"/console/acme/curated/{made.id}" in page and "Given by a" in page
    world.store.curated.remove(made.id)
    page = world.client("reviewer").get(f"/console/acme/conversations/{turn.conversation_id}").text
    assert f"/console/acme/curated/{made.id}" not in page and "was removed since" in page


def test_another_assistants_turn_cannot_be_made_into_one(world: World) -> None:
    world.store.assistants.create("Other", key="other")
    turn = world.turn()
    path = "/console/other/curated"
    assert world.client("owner").post(path, FORM | {"turn": turn.id}).status_code == 404


def test_contradictions_are_told_on_the_page(world: World) -> None:
    _add(world, "How long may I return shoes?", "Within 30 days.")
    _add(world, "How long can I return the shoes?", "Within 14 days.")
    page = world.client("viewer").get(HOME).text
    assert "1 pair of answers says different things" in page
    assert "They give different numbers (30 and 14)." in page or "(14 and 30)" in page


def test_more_than_twenty_can_be_searched(world: World) -> None:
    for n in range(21):
        _add(world, f"What is thing {n + 100}?", "A pot." if n else "A kiln.")
    viewer = world.client("viewer")
    assert 'type="search"' in viewer.get(HOME).text
    found = viewer.get(f"{HOME}?text=KILN").text
    assert found.count('<li data-row class="curated">') == 1 and "What is thing 100?" in found
    assert "Nothing matches" in viewer.get(f"{HOME}?text=unicorn").text


def test_a_question_can_be_tried(world: World) -> None:
    _add(world, "How do I enable mail alerts?")
    viewer = world.client("viewer")
    assert "Gets the answer to" in viewer.get(f"{HOME}?try=how+can+I+enable+mail+alerts").text
    other = viewer.get(f"{HOME}?try=How+do+I+disable+mail+alerts").text
    assert "No curated answer is given" in other and "another question, by its opposite" in other
    assert viewer.get(f"{HOME}?try=?").status_code == 200


@pytest.mark.parametrize(("given", "status"), [("0.9", 303), ("0.3", 400), ("x", 400), ("", 400)])
def test_the_owner_sets_the_threshold(world: World, given: str, status: int) -> None:
    _add(world)
    before = world.assistant.settings.curated_threshold
    answer = world.client("owner").post(f"{HOME}/threshold", {"threshold": given})
    assert answer.status_code == status
    after = world.store.assistants.by_key("acme").settings.curated_threshold
    assert after == (0.9 if status == 303 else before)
    assert status == 303 or f'method="get" action="{HOME}#try"' in answer.text
