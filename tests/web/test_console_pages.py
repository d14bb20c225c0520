"""The console's pages: lists, details, settings, sources, tuning; and that stored text is inert."""

from __future__ import annotations

import io
from typing import Any

import pytest
from lxml import html

from server.store.canaries import Trial
from server.store.pairs import NewExample
from server.store.reviews import Verdict
from tests.web.conftest import World

PAYLOADS = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg/onload=window.pwned=1>",
    "\"><iframe srcdoc='<script>window.pwned=1</script>'>",
    "</textarea><script>window.pwned=1</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.pwned=1>",
    "{{ 7*7 }}{% raw %}",
)


def _hostile(world: World, payload: str) -> list[str]:
    """Store the payload wherever strangers and crawled pages may put text; return the pages."""
    store, assistant = world.store, world.assistant
    cited: dict[str, Any] = {
        "n": 1,
        "title": payload,
        "url": "javascript:window.pwned=1",
        "quote": payload,
        "source": "s",
        "marks": [1],
    }
    evidence = {"text": payload, "title": payload, "url": "javascript:window.pwned=1", "score": 1.0}
    turn = world.turn(
        payload,
        payload,
        page_url=f"https://example.org/{payload}",
        draft=payload + " draft",
        evidence=[evidence],
        citations=[cited],
        messages=[{"role": payload, "content": payload}],
        prompt_version=payload[:32],
    )
    store.reviews.judge(
        turn.id, Verdict("corrected", "tone", f"{payload} better", payload), reviewer=payload
    )
    source = store.knowledge.add_source(assistant.id, "website", payload, {})
    visits = store.frontier.next_round(source.id)
    store.frontier.add(source.id, visits, [payload], depth=0, budget=9)
    store.frontier.settle(
        store.frontier.waiting(source.id, visits, 1)[0].seq, "failed", reason=payload
    )
    store.knowledge.set_source(source.id, status="failed", error=payload)
    store.assistants.change("acme", {"greeting": payload, "tone": payload, "about": payload})
    store.assistants.rename("acme", payload[:100])
    scored = {"name": payload, "title": payload, "help": payload, "before": 0.1, "after": 0.2}
    sample = dict.fromkeys(("question", "owner", "before"), payload) | {"after": payload + "!"}
    adapter = world.adapter(
        nll_before=1.0,
        nll_after=0.5,
        promotion=payload,
        report={"scorecard": [scored | {"low": 0.0, "high": 0.3}], "samples": [sample]},
    )
    store.pairs.import_examples(assistant.id, [NewExample(payload, payload)], origin=payload)
    step = {"turn": turn.id, "conversation": turn.conversation_id}
    store.meters.put(
        assistant.id,
        "m",
        {
            "ready": False,
            "pairs": 3,
            "new": 1,
            "pages": {"all": 2, "touched": 1, "missing": [payload]},
            "contradictions": [{"question": payload, "reason": payload}],
            "lengths": {"low": 1, "middle": 2, "high": 3, "balanced": False},
            "expected": {"held_out": 3, "half_width": 0.3},
            "dropped": {payload: 2},
            "next_steps": [payload],
            "review_next": [step | {"question": payload, "why": payload}],
        },
    )
    store.plans.handled(assistant.id, adapter.created_at, payload)
    store.adapters.activate(assistant.id, adapter.id, reason=payload, actor=payload, why=payload)
    started = store.canaries.start(
        assistant.id, world.adapter().id, Trial(0.2, 50, 7), actor=payload, expected=None
    )
    store.canaries.note(started.id, served={"ok": False, "error": payload})
    store.adapters.report_serving(
        assistant.id,
        activation_id=store.adapters.activations(assistant.id)[0].id,
        digest=None,
        ok=False,
        probes={},
        milliseconds=1,
        error=payload,
    )
    run = store.runs.ask(assistant.id, config={}, requested_by=payload)
    store.runs.note(run.id, status="running", progress={"note": payload})
    store.audit.add(payload, "act", payload[:60], detail=payload)
    said = {"reply": payload, "label": "supported", "ms": 1}
    question = {"turn": turn.id, "conversation": turn.conversation_id, "question": payload}
    replay = store.replays.ask(assistant.id, adapter.id, [question], actor=payload)
    row = question | {"before": said, "after": said | {"reply": payload + "!"}}
    store.replays.record(replay.id, [row])
    store.replays.end(replay.id, "failed", error=payload)
    return [
        "/console/",
        "/console/acme/conversations",
        f"/console/acme/conversations?text={payload}",
        f"/console/acme/conversations/{turn.conversation_id}",
        "/console/acme/sources",
        "/console/acme/settings",
        "/console/acme/tuning",
        f"/console/acme/replays/{replay.id}",
        "/console/acme/tuning/replies",
        "/console/acme/tuning/plan",
        f"/console/acme/tuning/compare?run={run.id}&run={adapter.run_id}",
        f"/console/acme/runs/{adapter.run_id}",
        f"/console/acme/runs/{adapter.run_id}/blind",
        f"/console/acme/runs/{run.id}",
        "/console/audit",
        "/console/people",
        f"/console/nowhere/{payload}",
    ]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a18_stored_payloads_are_text_on_every_page(world: World, payload: str) -> None:
    owner = world.client("owner")
    for path in _hostile(world, payload):
        page = owner.get(path).text
        tree = html.document_fromstring(page)
        for element in tree.iter():
            if not isinstance(element.tag, str):
                continue
            assert not [a for a in element.attrib if a.startswith("on") or a == "srcdoc"], path
            assert "style" not in element.attrib, path
            assert element.get("src") != "x", path
            for name in ("href", "src", "action"):
                assert not (element.get(name) or "").strip().lower().startswith("javascript"), path
        assert all(s.get("src") and not s.text for s in tree.iter("script")), path
        assert not list(tree.iter("math", "style", "mglyph")), path
        assert "49" not in tree.text_content().split(), path


def test_a18_policy_forbids_inline_code_and_markup_from_text(world: World) -> None:
    policy = world.client("owner").get("/console/").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "style-src 'self';" in policy
    assert "unsafe" not in policy and "nonce" not in policy
    assert "require-trusted-types-for 'script'; trusted-types htmx" in policy
    assert "frame-ancestors 'none'" in policy


def test_a22_console_pages_are_not_kept_by_caches(world: World) -> None:
    turn = world.turn()
    for path in ("conversations", f"conversations/{turn.conversation_id}"):
        headers = world.client("viewer").get(f"/console/acme/{path}").headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a32_invisible_characters_are_shown_marked(world: World) -> None:
    turn = world.turn("pass\u200bword \U000e0041 \u202etxt", "Fine \U0001f469\u200d\U0001f52c.")
    page = world.client("viewer").get(f"/console/acme/conversations/{turn.conversation_id}").text
    for name in ("U+200B", "U+E0041", "U+202E"):
        assert f">{name}</mark>" in page
    assert "\u200b" not in page and "\u202e" not in page
    assert "\U0001f469\u200d\U0001f52c" in page  # a joiner that draws an emoji stays


def test_list_filters_and_pages_through_older_ones(world: World) -> None:
    for n in range(32):
        world.turn(f"Question {n}", label="refused" if n == 5 else "supported")
    viewer = world.client("viewer")
    page = viewer.get("/console/acme/conversations").text
    assert "Question 31" in page and "Question 1<" not in page
    older = html.document_fromstring(page).xpath("//p[@class='more']/a/@href")[0]
    assert "Question 1<" in viewer.get(str(older)).text
    refused = viewer.get("/console/acme/conversations?label=refused&verdict=none").text
    assert "Question 5<" in refused and "Question 6<" not in refused
    part = viewer.get("/console/acme/conversations?text=zzz", headers={"HX-Request": "true"}).text
    assert "<html" not in part and "No conversation matches" in part
    assert "Question 6<" in viewer.get("/console/acme/conversations?label=nonsense").text


def test_home_says_what_to_do_next(world: World) -> None:
    owner = world.client("owner")
    assert "it has nothing to answer from yet" in owner.get("/console/").text
    world.store.knowledge.add_source(world.assistant.id, "website", "https://example.org/", {})
    page = owner.get("/console/").text
    assert "paste the tag below" in page
    assert "data-assistant=&#34;acme&#34; async" in page
    world.turn()
    assert "judge what it said" in owner.get("/console/").text


def test_owner_creates_an_assistant_and_is_led_to_its_sources(world: World) -> None:
    made = world.client("owner").post("/console/assistants", {"name": "Shop"})
    assert made.headers["Location"].startswith("/console/shop-")
    assert "/sources?done=assistant" in made.headers["Location"]
    assert world.store.audit.newest()[0].action == "assistant.create"


def _settings(**changed: str) -> dict[str, str]:
    given = {
        "name": "Acme Help",
        "color": "#112233",
        "position": "left",
        "theme": "dark",
        "greeting": "Hi",
        "placeholder": "Ask",
        "refusal": "No idea.",
    }
    return given | changed


def test_settings_are_saved_with_their_lists_and_the_change_is_in_the_trail(world: World) -> None:
    form = _settings(name="Acme", guidelines="Be kind\r\n\r\nBe brief", origins="https://A.example")
    saved = world.client("owner").post("/console/acme/settings", form)
    assert saved.headers["Location"].endswith("settings?done=saved")
    kept = world.store.assistants.by_key("acme")
    assert kept.name == "Acme"
    assert kept.settings.guidelines == ["Be kind", "Be brief"]
    assert kept.settings.origins == ["https://a.example"]
    assert kept.settings.position == "left"
    assert "color" in world.store.audit.newest()[0].detail["fields"]


def test_wrong_settings_are_named_at_their_fields_and_nothing_is_saved(world: World) -> None:
    form = _settings(color="red", origins="example.org", name="", tone="Kind and brief")
    answer = world.client("owner").post("/console/acme/settings", form)
    assert answer.status_code == 400
    assert "3 fields need another look" in answer.text
    assert "is not an origin such as" in answer.text
    assert "Kind and brief" in answer.text
    assert world.store.assistants.by_key("acme").settings.color == "#3451b2"


def test_website_is_queued_and_a_wrong_address_is_explained_in_its_form(world: World) -> None:
    owner = world.client("owner")
    added = owner.post("/console/acme/sources/website", {"url": "https://docs.example.org/"})
    assert added.headers["Location"].endswith("sources?done=added")
    source = world.store.knowledge.sources(world.assistant.id)[0]
    assert world.jobs.queued[0][2] == (source.id,)
    page = owner.get("/console/acme/sources").text
    assert "It waits for its turn." in page and "every 1s" in page
    wrong = owner.post("/console/acme/sources/website", {"url": "file:///etc/passwd"})
    assert wrong.status_code in (400, 403)
    assert "file:///etc/passwd" in wrong.text


def test_document_is_kept_and_a_broken_one_is_refused(world: World) -> None:
    owner = world.client("owner")

    def upload(name: str, body: bytes) -> Any:
        return owner.post("/console/acme/sources/document", {"file": (io.BytesIO(body), name)})

    assert upload("../../x/help.md", b"# Help\n\nReturns take 30 days.").status_code == 303
    assert world.store.knowledge.sources(world.assistant.id)[0].location == "help.md"
    broken = upload("broken.pdf", b"%PDF-1.4 nothing more")
    assert broken.status_code == 400
    assert len(world.store.knowledge.sources(world.assistant.id)) == 1
    missing = owner.post("/console/acme/sources/document")
    assert "No file was chosen." in missing.text


def test_question_and_answer_become_a_source(world: World) -> None:
    owner = world.client("owner")
    form = {"question": "Where are you?", "answer": "In the old town."}
    assert owner.post("/console/acme/sources/faq", form).status_code == 303
    source = world.store.knowledge.sources(world.assistant.id)[0]
    assert (source.kind, source.location) == ("faq", "Where are you?")
    empty = owner.post("/console/acme/sources/faq", {"question": "Where?", "answer": " "})
    assert empty.status_code == 400 and "Where?" in empty.text


def test_reading_is_cancelled_repeated_and_removed(world: World) -> None:
    owner = world.client("owner")
    owner.post("/console/acme/sources/website", {"url": "https://docs.example.org/"})
    source = world.store.knowledge.sources(world.assistant.id)[0]
    owner.post(f"/console/acme/sources/{source.id}/cancel")
    assert world.store.knowledge.source(source.id).status == "cancelled"
    assert world.jobs.cancelled == [source.workflow_id]
    owner.post(f"/console/acme/sources/{source.id}/again")
    assert world.store.knowledge.source(source.id).status == "queued"
    owner.post(f"/console/acme/sources/{source.id}/remove")
    assert world.store.knowledge.sources(world.assistant.id) == []
    acts = [e.action for e in world.store.audit.newest()]
    assert acts == ["source.remove", "source.again", "source.cancel", "source.add"]


def test_part_of_a_source_stops_asking_once_the_reading_has_ended(world: World) -> None:
    source = world.store.knowledge.add_source(world.assistant.id, "website", "https://x.org/", {})
    path = f"/console/acme/sources/{source.id}"
    viewer = world.client("viewer")
    assert "hx-trigger" in viewer.get(path).text
    world.store.knowledge.set_source(source.id, status="ready")
    assert "hx-trigger" not in viewer.get(path).text


def test_invitation_link_is_shown_once(world: World) -> None:
    owner = world.client("owner")
    page = owner.post("/console/people/invite", {"role": "reviewer"}).text
    assert "/console/setup/" in page
    assert "/console/setup/" not in owner.get("/console/people").text
    assert owner.post("/console/people/invite", {"role": "god"}).status_code == 400
