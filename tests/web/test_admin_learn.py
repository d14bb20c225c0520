"""The private API of learning: the numbers of the Learn page, and names of topics."""

from __future__ import annotations

from server.learn.refresh import learn
from tests.web.conftest import World

RETURNS = ("How do I return shoes?", "return shoes", "returning the shoes")
HOME = "/api/v1/admin/assistants/acme"


def test_the_numbers_of_the_page_come_as_json(world: World) -> None:
    for question in RETURNS:
        world.turn(question)
    refused = world.turn("Do you sell gift cards?", label="refused")
    learn(world.store, world.services.retriever, world.assistant)
    told = world.client("viewer").get(f"{HOME}/learn?days=7").json
    assert told is not None
    assert (told["days"], told["questions"], told["unanswered"]) == (7, 4, 1)
    [topic] = told["topics"]
    assert (topic["name"], topic["conversations"], topic["unanswered"]) == (RETURNS[0], 3, 0)
    [gap] = told["gaps"]
    assert (gap["question"], gap["answered"]) == ("Do you sell gift cards?", False)
    assert gap["examples"] == [
        {"question": refused.question, "turn": refused.id, "reason": "refused"}
    ]
    assert (told["sources"], told["pages"], told["never_cited"]) == ([], [], 0)


def test_a_reviewer_names_a_topic_and_a_viewer_does_not(world: World) -> None:
    for question in RETURNS:
        world.turn(question)
    learn(world.store, world.services.retriever, world.assistant)
    viewer, reviewer = world.client("viewer"), world.client("reviewer")
    told = viewer.get(f"{HOME}/learn").json
    assert told is not None
    path = f"{HOME}/topics/{told['topics'][0]['topic']}"
    headers = {"X-CSRF-Token": reviewer.token()}
    named = reviewer.http.patch(path, json={"name": "Returns"}, headers=headers)
    assert named.json is not None and named.json["name"] == "Returns"
    assert reviewer.http.patch(path, json={"name": 1}, headers=headers).status_code == 400
    refused = viewer.http.patch(path, json={"name": "X"}, headers={"X-CSRF-Token": viewer.token()})
    assert refused.status_code == 403
