"""Who may call which route of the console: every route, every role."""

from __future__ import annotations

import pytest

from server.answering.curated import CuratedAnswers
from server.store.canaries import Trial
from server.store.checks import NewCheck
from server.store.curated import Wording
from server.store.reviews import Verdict
from server.store.topics import TOPIC, Found
from tests.web.conftest import ROLES, World

# A new route without a row here fails the test.
MATRIX = {
    "GET /console/static/<path:filename>": None,
    "GET /console/sign-in": None,
    "POST /console/sign-in": None,
    "POST /console/sign-out": None,
    "GET /console/setup/<token>": None,
    "POST /console/setup/<token>": None,
    "GET /console/": "viewer",
    "GET /console/account": "viewer",
    "POST /console/account/password": "viewer",
    "POST /console/sign-out-everywhere": "viewer",
    "GET /console/<key>": "viewer",
    "GET /console/<key>/conversations": "viewer",
    "GET /console/<key>/conversations/<conversation_id>": "viewer",
    "GET /console/<key>/next": "viewer",
    "GET /console/<key>/sources": "viewer",
    "GET /console/<key>/sources/<source_id>": "viewer",
    "GET /console/<key>/learn": "viewer",
    "POST /console/<key>/learn/<topic_id>/name": "reviewer",
    "GET /console/<key>/curated": "viewer",
    "GET /console/<key>/curated/<curated_id>": "viewer",
    "POST /console/<key>/curated": "reviewer",
    "POST /console/<key>/curated/<curated_id>": "reviewer",
    "POST /console/<key>/curated/<curated_id>/status": "reviewer",
    "POST /console/<key>/curated/<curated_id>/remove": "reviewer",
    "POST /console/<key>/curated/threshold": "owner",
    "GET /console/<key>/checks": "viewer",
    "GET /console/<key>/checks/runs/<check_run_id>": "viewer",
    "GET /console/<key>/settings": "viewer",
    "GET /console/<key>/tuning": "viewer",
    "GET /console/<key>/tuning/compare": "viewer",
    "GET /console/<key>/tuning/plan": "viewer",
    "GET /console/<key>/tuning/replies": "viewer",
    "GET /console/<key>/runs/<run_id>": "viewer",
    "GET /console/<key>/replays/<replay_id>": "viewer",
    "POST /console/<key>/replays/<replay_id>/cancel": "owner",
    "POST /console/<key>/adapters/<adapter_id>/replay": "owner",
    "GET /console/<key>/runs/<run_id>/blind": "reviewer",
    "POST /console/<key>/runs/<run_id>/blind": "reviewer",
    "POST /console/<key>/tuning/replies/<origin_id>/leave-out": "reviewer",
    "POST /console/<key>/tuning/replies/<origin_id>/take-in": "reviewer",
    "POST /console/<key>/tuning/plan": "owner",
    "POST /console/<key>/adapters/<adapter_id>/canary": "owner",
    "POST /console/<key>/canaries/<canary_id>/stop": "owner",
    "POST /console/<key>/turns/<turn_id>/review": "reviewer",
    "POST /console/<key>/settings/preview": "reviewer",
    "POST /console/<key>/turns/<turn_id>/check": "reviewer",
    "POST /console/<key>/checks": "reviewer",
    "POST /console/<key>/checks/import": "reviewer",
    "POST /console/<key>/checks/run": "reviewer",
    "POST /console/<key>/checks/<check_id>/change": "reviewer",
    "POST /console/<key>/checks/<check_id>/remove": "reviewer",
    "POST /console/<key>/checks/runs/<check_run_id>/cancel": "reviewer",
    "GET /console/audit": "owner",
    "GET /console/people": "owner",
    "POST /console/people/invite": "owner",
    "POST /console/people/<person_id>/sign-out": "owner",
    "POST /console/assistants": "owner",
    "POST /console/<key>/settings": "owner",
    "POST /console/<key>/sources/website": "owner",
    "POST /console/<key>/sources/document": "owner",
    "POST /console/<key>/sources/faq": "owner",
    "POST /console/<key>/sources/<source_id>/again": "owner",
    "POST /console/<key>/sources/<source_id>/cancel": "owner",
    "POST /console/<key>/sources/<source_id>/remove": "owner",
    "POST /console/<key>/examples": "owner",
    "POST /console/<key>/tuning/run": "owner",
    "POST /console/<key>/runs/<run_id>/cancel": "owner",
    "POST /console/<key>/adapters/<adapter_id>/promote": "owner",
    "POST /console/<key>/adapters/roll-back": "owner",
}


def test_a10_every_console_route_has_a_row(world: World) -> None:
    found = {
        f"{method} {rule.rule}"
        for rule in world.app.url_map.iter_rules()
        if rule.endpoint.startswith("console.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == set(MATRIX)


@pytest.mark.parametrize("route", [r for r, role in MATRIX.items() if role])
def test_a10_route_answers_the_roles_of_its_row_and_no_other(world: World, route: str) -> None:
    needed = MATRIX[route]
    assert needed is not None
    method, path = _filled(world, route).split(" ")
    anonymous = world.client()
    asked = anonymous.get(path) if method == "GET" else anonymous.post(path)
    assert asked.status_code == 303
    assert asked.headers["Location"].startswith("/console/sign-in")
    for role in ROLES[: ROLES.index(needed)]:
        browser = world.client(role)
        refused = browser.get(path) if method == "GET" else browser.post(path)
        assert refused.status_code == 403, role
    assert world.store.audit.newest() == []
    allowed = world.client(needed)
    answered = allowed.get(path) if method == "GET" else allowed.post(path)
    assert answered.status_code not in (401, 403, 404, 405, 500)


@pytest.mark.parametrize("route", [r for r in MATRIX if r.count("<") == 2])
def test_a10_another_assistants_things_are_not_found(world: World, route: str) -> None:
    world.store.assistants.create("Other", key="other")
    method, path = _filled(world, route).replace("/acme/", "/other/").split(" ")
    owner = world.client("owner")
    answer = owner.get(path) if method == "GET" else owner.post(path)
    assert answer.status_code == 404


def _filled(world: World, route: str) -> str:
    """The route with the ids of real things in it."""
    turn = world.turn()
    names = {
        "<key>": "acme",
        "<turn_id>": turn.id,
        "<conversation_id>": turn.conversation_id,
        "<person_id>": world.store.people.all()[0].id,
    }
    if "<source_id>" in route:
        source = world.store.knowledge.add_source(
            world.assistant.id, "website", f"https://example.org/{turn.id}", {}
        )
        world.store.knowledge.set_source(source.id, status="ready")
        names["<source_id>"] = source.id
    if "<curated_id>" in route:
        wording = Wording(f"May I return {turn.id}?", "Yes.")
        answers = CuratedAnswers(world.store, world.services.retriever)
        names["<curated_id>"] = answers.add(world.assistant, wording, author="test").id
    if "<topic_id>" in route:
        found = {"": Found("", turn.question, b"")}
        world.store.topics.put(world.assistant.id, TOPIC, found, {})
        names["<topic_id>"] = world.store.topics.all(world.assistant.id, TOPIC)[0].id
    if "<check" in route:
        new = NewCheck(f"May I, in {turn.id}?", None)
        names["<check_id>"] = world.store.checks.add(world.assistant.id, new, author="test").id
    if "<check_run_id>" in route:
        asked = world.store.check_runs.ask(world.assistant.id, requested_by="test")
        names["<check_run_id>"] = asked.id
    if "<run_id>/blind" in route:
        names["<run_id>"] = world.adapter().run_id
    elif "<run_id>" in route:
        run = world.store.runs.ask(world.assistant.id, config={}, requested_by="test")
        names["<run_id>"] = run.id
    if "<canary_id>" in route:
        started = world.store.canaries.start(
            world.assistant.id, world.adapter().id, Trial(0.2, 50, 7), actor="test", expected=None
        )
        names["<canary_id>"] = started.id
    if "<replay_id>" in route:
        asked_again = [
            {"turn": turn.id, "conversation": turn.conversation_id, "question": "May I?"}
        ]
        replay = world.store.replays.ask(
            world.assistant.id, world.adapter().id, asked_again, actor="test"
        )
        names["<replay_id>"] = replay.id
    if "<origin_id>" in route:
        verdict = Verdict("corrected", "tone", "Surely.")
        names["<origin_id>"] = world.store.reviews.judge(turn.id, verdict, reviewer="test").id
    if "<adapter_id>" in route:
        names["<adapter_id>"] = world.adapter().id
    for name, value in names.items():
        route = route.replace(name, value)
    return route
