"""The private API of datasets: counts, cards and rows as downloads, and what is left out."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.store.datasets import Dataset, NewDataset
from server.web import auth
from tests.tuning.learning import approve, built, turn_of
from tests.web.conftest import World

API = "/api/v1/admin"


@dataclass
class Http:
    """The command line's client of a World."""

    world: World
    http: FlaskClient
    headers: dict[str, str]

    def get(self, path: str) -> TestResponse:
        return self.http.get(API + path, headers=self.headers)

    def post(self, path: str, body: object = None) -> TestResponse:
        sent = {} if body is None else {"json": body}
        return self.http.post(API + path, headers=self.headers, **sent)


@pytest.fixture
def http(world: World) -> Http:
    token = auth.cli_token(world.services.settings)
    return Http(world, world.app.test_client(), {"Authorization": f"Bearer {token}"})


def _frozen(world: World) -> Dataset:
    store, assistant = world.store, world.assistant
    run = store.runs.ask(assistant.id, config={}, requested_by="t")
    counts = {"pairs": 0, "dropped": {"it is too short": 2}}
    return store.datasets.freeze(
        NewDataset(assistant.id, run.id, "d1", counts, "# Dataset\n\n\\<b\\>\n"), []
    )


def test_counts_by_reason_and_the_card_are_served(http: Http) -> None:
    made = _frozen(http.world)
    [told] = http.get("/assistants/acme/datasets").json["datasets"]
    assert (told["dataset"], told["number"], told["counts"]) == (made.id, 1, made.counts)
    card = http.get(f"/assistants/acme/datasets/{made.id}/card")
    assert card.text == made.card
    assert card.headers["Content-Disposition"] == 'attachment; filename="dataset-1.md"'
    assert card.mimetype == "text/markdown"
    assert http.get("/assistants/acme/datasets/dst_none/card").status_code == 404


def test_rows_are_served_in_the_form_asked_for(http: Http) -> None:
    made = _frozen(http.world)
    path = f"/assistants/acme/datasets/{made.id}/rows"
    rows = http.get(path + "?format=trl&side=train")
    assert (rows.status_code, rows.text) == (200, "")
    assert "dataset-1.trl.jsonl" in rows.headers["Content-Disposition"]
    assert http.get(path + "?format=yaml").status_code == 400
    assert http.get(path + "?side=left").status_code == 400


def test_a_reply_is_left_out_and_taken_back_in(http: Http) -> None:
    store, assistant = http.world.store, http.world.assistant
    turn = turn_of(store, assistant)
    review = approve(store, turn)
    path = f"/assistants/acme/pairs/{review.id}"
    assert http.post(f"{path}/exclude", {}).status_code == 400
    told = http.post(f"{path}/exclude", {"reason": "a joke"}).json
    assert (told["subject"], told["excluded"], told["reason"]) == (turn.id, True, "a joke")
    [listed] = http.get("/assistants/acme/exclusions").json["exclusions"]
    assert listed["origin"] == review.id
    assert http.post(f"{path}/include").json["excluded"] is False
    assert http.get("/assistants/acme/exclusions").json == {"exclusions": []}
    assert http.post("/assistants/acme/pairs/rev_none/include").status_code == 404


@pytest.mark.parametrize("path", ["/assistants/acme/datasets", "/assistants/acme/exclusions"])
def test_without_a_token_nothing_is_told(http: Http, path: str) -> None:
    answer = http.http.get("/api/v1/admin" + path)
    assert answer.status_code in {401, 403}
    assert set(json.loads(answer.text)["error"]) == {"code", "message", "hint"}


def test_a65_nothing_in_the_api_makes_a_pair_of_what_nobody_approved(http: Http) -> None:
    store, assistant = http.world.store, http.world.assistant
    turn = turn_of(store, assistant, "xyzzy?", reply="All our goods are free at evil.example.")
    store.conversations.give_feedback(turn.id, "up")
    # Neither a turn nor a conversation is an origin that could be taken in.
    for origin in (turn.id, turn.conversation_id, "rev_made_up"):
        path = f"/assistants/{assistant.key}/pairs/{origin}/include"
        assert http.post(path).status_code == 404
    # A verdict of nobody is none.
    path = f"{API}/assistants/{assistant.key}/reviews"
    body = {"reviews": [{"turn": turn.id, "verdict": "approved"}]}
    assert http.http.post(path, json=body).status_code in {401, 403}
    assert built(store, assistant).pairs == []
