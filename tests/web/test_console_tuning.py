"""The tuning page: material, runs, promotion, the way back."""

from __future__ import annotations

import io

from server.store.reviews import Verdict
from tests.web.conftest import World


def _active(world: World) -> str | None:
    adapter = world.store.adapters.active(world.assistant.id)[1]
    return adapter.id if adapter else None


def _latest(world: World) -> str:
    activation = world.store.adapters.active(world.assistant.id)[0]
    return activation.id if activation else ""


def test_material_counts_what_a_run_can_use_and_what_goes_elsewhere(world: World) -> None:
    verdicts = [
        Verdict("approved"),
        Verdict("corrected", "tone", "Better"),
        Verdict("corrected", "fact", "Right"),
        Verdict("rejected", "handoff"),
    ]
    for verdict in verdicts:
        world.store.reviews.judge(world.turn().id, verdict, reviewer="x")
    page = world.client("viewer").get("/console/acme/tuning").text
    assert "approve or correct 18 more answers" in page
    assert "2 other verdicts name a fault" in page


def test_run_is_asked_for_once_and_can_be_cancelled(world: World) -> None:
    owner = world.client("owner")
    assert owner.post("/console/acme/tuning/run").headers["Location"].endswith("tuning?done=run")
    assert world.jobs.queued[0][:2] == ("tuning", "tune")
    second = owner.post("/console/acme/tuning/run")
    assert second.status_code == 409
    assert "still under way" in second.text
    run = world.store.runs.of_assistant(world.assistant.id)[0]
    owner.post(f"/console/acme/runs/{run.id}/cancel")
    assert world.store.runs.run(run.id).status == "cancelled"
    assert owner.post(f"/console/acme/runs/{run.id}/cancel").status_code == 409


def test_running_card_shows_stage_and_asks_for_the_whole_page_when_it_ends(world: World) -> None:
    run = world.store.runs.ask(world.assistant.id, config={}, requested_by="x")
    world.store.runs.note(
        run.id, status="running", stage="train", progress={"done": 3, "total": 9, "note": "step"}
    )
    viewer = world.client("viewer")
    path = f"/console/acme/runs/{run.id}"
    part = viewer.get(path, headers={"HX-Request": "true"})
    assert "Training" in part.text and "3 of 9" in part.text and 'value="3" max="9"' in part.text
    assert "HX-Refresh" not in part.headers
    world.store.runs.end(run.id, "failed", error="The disk is full.")
    ended = viewer.get(path, headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    assert "The disk is full." in viewer.get("/console/acme/tuning").text


def test_report_shows_before_and_after_and_the_reasons_of_the_gate(world: World) -> None:
    world.adapter(passed=False, nll_before=3.5, nll_after=1.25, facts_before=0.9, facts_after=0.7)
    page = world.client("owner").get("/console/acme/tuning").text
    assert "3.50" in page and "1.25" in page
    assert "better" in page and "worse" in page
    assert "Facts right fell too far." in page
    assert "cannot be promoted" in page


def test_owner_promotes_what_passed_and_rolls_back(world: World) -> None:
    owner, adapter = world.client("owner"), world.adapter()
    path = f"/console/acme/adapters/{adapter.id}/promote"
    assert owner.post(path, {"expected": ""}).status_code == 303
    assert _active(world) == adapter.id
    assert "The server has not taken it up yet." in owner.get("/console/acme/tuning").text
    back = owner.post("/console/acme/adapters/roll-back", {"expected": _latest(world)})
    assert back.status_code == 303
    assert _active(world) is None
    assert [e.action for e in world.store.audit.newest()] == ["adapter.rollback", "adapter.promote"]


def test_what_did_not_pass_the_gate_cannot_be_promoted(world: World) -> None:
    adapter = world.adapter(passed=False)
    refused = world.client("owner").post(
        f"/console/acme/adapters/{adapter.id}/promote", {"expected": ""}
    )
    assert refused.status_code == 403
    assert "did not pass the gate: Facts right fell too far" in refused.text
    assert _active(world) is None


def test_reviewer_cannot_promote(world: World) -> None:
    adapter = world.adapter()
    path = f"/console/acme/adapters/{adapter.id}/promote"
    assert world.client("reviewer").post(path, {"expected": ""}).status_code == 403
    assert _active(world) is None


def test_promotion_or_roll_back_over_an_unseen_one_is_a_conflict(world: World) -> None:
    owner, first, second = world.client("owner"), world.adapter(), world.adapter()
    world.store.adapters.activate(world.assistant.id, first.id, reason="promoted", actor="x")
    stale = owner.post(f"/console/acme/adapters/{second.id}/promote", {"expected": ""})
    assert stale.status_code == 409
    assert "Somebody else has promoted" in stale.text
    assert owner.post("/console/acme/adapters/roll-back", {"expected": ""}).status_code == 409
    assert _active(world) == first.id


def test_page_says_how_the_server_took_up_the_voice(world: World) -> None:
    adapter = world.adapter()
    made = world.store.adapters.activate(
        world.assistant.id, adapter.id, reason="promoted", actor="x"
    )
    world.store.adapters.report_serving(
        world.assistant.id,
        activation_id=made.id,
        digest=adapter.digest,
        ok=True,
        probes={"equal": True},
        milliseconds=3480,
    )
    page = world.client("viewer").get("/console/acme/tuning").text
    assert "Served after 3,480 ms." in page
    assert "byte-equal to the evaluated ones" in page


def test_example_replies_are_imported_all_or_none(world: World) -> None:
    owner = world.client("owner")

    def upload(name: str, text: str) -> int:
        form = {"file": (io.BytesIO(text.encode()), name)}
        return owner.post("/console/acme/examples", form).status_code

    good = '{"question": "Q1", "answer": "A1"}\n{"question": "Q2", "answer": "A2"}\n'
    assert upload("mine.jsonl", good) == 303
    assert upload("mine.csv", "question,answer\nQ3,A3\n") == 303
    assert upload("broken.jsonl", '{"question": "Q4", "answer": "A4"}\n{"question": "Q5"}') == 400
    assert upload("empty.jsonl", "") == 400
    kept = world.store.pairs.examples(world.assistant.id)
    assert [e.question for e in kept] == ["Q1", "Q2", "Q3"]
