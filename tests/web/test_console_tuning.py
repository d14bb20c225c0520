"""The tuning page: material, runs, promotion, the way back."""

from __future__ import annotations

import io

from server.prompt import PROMPT_VERSION
from server.store.adapters import Adapter
from server.store.canaries import Trial
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
    assert "Answering 3.5 seconds after that." in page
    assert "letter for letter, what it said when it was measured" in page


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


def test_conflict_says_who_promoted_what_and_when(world: World) -> None:
    owner, first, second = world.client("owner"), world.adapter(), world.adapter()
    made = world.store.adapters.activate(
        world.assistant.id, first.id, reason="promoted", actor="ben@example.org"
    )
    stale = owner.post(f"/console/acme/adapters/{second.id}/promote", {"expected": ""})
    assert f"ben@example.org promoted {first.id} on" in stale.text
    assert f"{made.created_at:%H:%M:%S} UTC" in stale.text
    assert "Nothing was changed." in stale.text


def test_owner_starts_a_canary_as_planned_and_stops_it(world: World) -> None:
    owner, adapter = world.client("owner"), world.adapter()
    world.store.plans.change(world.assistant.id, {"canary_share": 0.1, "canary_turns": 80})
    path = f"/console/acme/adapters/{adapter.id}/canary"
    assert owner.post(path, {"expected": ""}).status_code == 303
    canary = world.store.canaries.running()[world.assistant.id]
    assert (canary.share, canary.turns, canary.adapter_id) == (0.1, 80, adapter.id)
    page = owner.get("/console/acme/tuning").text
    assert "Tried on 10% of the visitors" in page and "0 of 80 turns with it" in page
    assert owner.post(path, {"expected": ""}).status_code == 409
    owner.post(f"/console/acme/canaries/{canary.id}/stop")
    assert world.store.canaries.running() == {}
    assert "stopped it" in owner.get("/console/acme/tuning").text
    assert owner.post(f"/console/acme/canaries/{canary.id}/stop").status_code == 409


def test_what_did_not_pass_cannot_be_tried_on_visitors_either(world: World) -> None:
    adapter = world.adapter(passed=False)
    path = f"/console/acme/adapters/{adapter.id}/canary"
    assert world.client("owner").post(path, {"expected": ""}).status_code == 403
    assert world.store.canaries.running() == {}


def test_page_says_why_a_voice_was_rolled_back_by_itself(world: World) -> None:
    adapter = world.adapter()
    store, shop = world.store.adapters, world.assistant.id
    store.activate(shop, adapter.id, reason="promoted", actor="ana")
    store.roll_back(shop, actor="drift watch", why="Surely worse: thumbs down in 20% of turns.")
    page = world.client("viewer").get("/console/acme/tuning").text
    assert "rolled back by drift watch" in page
    assert page.count("Surely worse: thumbs down in 20% of turns.") == 2


def test_watch_counts_turns_since_the_promotion(world: World) -> None:
    for _ in range(3):
        world.turn()
    world.store.adapters.activate(
        world.assistant.id, world.adapter().id, reason="promoted", actor="ana"
    )
    world.turn(label="refused")
    viewer = world.client("viewer")
    page = " ".join(viewer.get("/console/acme/tuning").text.split())
    assert "Watched since its promotion: 1 turn, but only 3 before it" in page
    assert "100%" in page
    world.store.plans.change(world.assistant.id, {"watch_drift": False})
    assert "Watched since" not in viewer.get("/console/acme/tuning").text


def test_running_card_shows_the_loss_curve_and_an_honest_time_left(world: World) -> None:
    done = world.store.runs.ask(world.assistant.id, config={}, requested_by="x")
    took = {"pairs": 5.0, "train": 60.0, "merge": 10.0, "evaluate": 50.0}
    world.store.runs.end(done.id, "passed", metrics={"stage_seconds": took, "seconds": 130})
    now_running = world.store.runs.ask(world.assistant.id, config={}, requested_by="x")
    points = [{"step": n, "loss": 3 - n / 10} for n in range(1, 11)]
    world.store.runs.note(
        now_running.id,
        status="running",
        stage="train",
        progress={"done": 10, "total": 20, "note": "step", "seconds": 30.0, "curve": points},
    )
    page = world.client("viewer").get("/console/acme/tuning").text
    assert "About 90 seconds left" in page or "About 1.5 minutes left" in page
    assert "merging and measuring took 60 seconds last time" in page
    assert "Loss from 2.90 to 2.00 over steps 1 to 10" in page


def test_first_run_admits_what_it_cannot_know(world: World) -> None:
    run = world.store.runs.ask(world.assistant.id, config={}, requested_by="x")
    viewer = world.client("viewer")
    world.store.runs.note(run.id, status="running", stage="train", progress={"seconds": 1.0})
    assert "will be clear in a few seconds" in viewer.get("/console/acme/tuning").text
    progress = {"done": 1, "total": 5, "seconds": 10.0}
    world.store.runs.note(run.id, progress=progress)
    page = viewer.get("/console/acme/tuning").text
    assert "About 40 seconds left for training; then merging and measuring, not timed here" in page


def test_scorecard_is_shown_with_its_intervals_and_hard_rules(world: World) -> None:
    row = {
        "name": "leaks",
        "title": "States facts without its sources",
        "n": 40,
        "before": 0.1,
        "after": 0.3,
        "difference": 0.2,
        "low": 0.05,
        "high": 0.36,
        "better": "less",
        "verdict": "worse",
        "hard": True,
    }
    unsure = row | {"name": "copies", "title": "Copied", "low": -0.1, "verdict": "not sure"}
    adapter = world.adapter(passed=False, report={"scorecard": [row, unsure]})
    page = world.client("viewer").get(f"/console/acme/runs/{adapter.run_id}").text
    assert "States facts without its sources" in page and "must hold" in page
    assert "n = 40" in page and "+20 points (+5 to +36), surely worse" in page
    assert "+20 points (-10 to +36), could be chance" in page and "not sure" in page
    assert page.count('class="num worse"') == 1
    assert "It must not answer your visitors." in page


def test_report_says_in_plain_words_what_the_figures_mean(world: World) -> None:
    adapter = world.adapter(
        nll_before=3.5,
        nll_after=2.5,
        nll_low=-1.2,
        nll_high=-0.8,
        style_before=0.3,
        style_after=0.92,
        facts_before=0.9,
        facts_after=0.85,
        pairs_held_out=15,
        length_before=20.0,
        length_after=31.0,
        length_owner=30.0,
    )
    page = world.client("viewer").get(f"/console/acme/runs/{adapter.run_id}").text
    assert "reach 92%; before it was 30%" in page
    assert "surely not by chance" in page
    assert "It gets fewer facts right: 85%" in page
    assert "Measured on 15 of your replies that it never saw in training" in page
    assert "31 words on average; yours have 30" in page
    assert "-1.00 (-1.20 to -0.80), surely better" in page


def test_runs_are_compared_side_by_side(world: World) -> None:
    owner = world.client("owner")
    assert "Two runs make a comparison" in owner.get("/console/acme/tuning/compare").text
    first = world.adapter(style_before=0.30, style_after=0.55, pairs=40)
    second = world.adapter(style_before=0.31, style_after=0.91, pairs=100)
    page = owner.get("/console/acme/tuning/compare").text
    assert "0.55" in page and "0.91" in page and "100 replies" in page
    only = owner.get(f"/console/acme/tuning/compare?run={first.run_id}").text
    assert "0.55" in only and "0.91" not in only
    other = world.store.assistants.create("Other", key="other")
    assert other.key == "other"
    assert owner.get(f"/console/other/tuning/compare?run={second.run_id}").status_code == 404


def _line(name: str, before: float | None, after: float | None, **changed: object) -> object:
    row = {
        "name": name,
        "title": name,
        "n": 20,
        "before": before,
        "after": after,
        "low": -0.2,
        "high": 0.2,
        "better": "more",
        "verdict": "not sure",
        "share": False,
    }
    return row | changed  # fmt: skip


def test_figures_are_shown_in_their_own_unit_however_small(world: World) -> None:
    rows = [_line("neutral", 0.41, 0.52), _line("grounded", 0.41, 0.52, share=True)]
    adapter = world.adapter(report={"scorecard": rows})
    page = " ".join(world.client("viewer").get(f"/console/acme/runs/{adapter.run_id}").text.split())
    assert "0.41" in page and "0.52" in page
    assert "41%" in page and "52%" in page


def test_what_was_not_asked_is_no_good_news(world: World) -> None:
    nothing = {"n": 0, "low": None, "high": None, "verdict": ""}
    rows = [_line("facts", None, None, **nothing), _line("invented", None, None, **nothing)]
    adapter = world.adapter(report={"scorecard": rows})
    page = world.client("viewer").get(f"/console/acme/runs/{adapter.run_id}").text
    assert "as many facts right as before" not in page
    assert "makes up no more numbers" not in page
    assert page.count("there was nothing to ask") == 2


def test_a_voice_that_is_not_surely_closer_is_no_bad_news(world: World) -> None:
    rows = [_line("style", 0.6, 0.7), _line("words", 20.0, 31.0, better="none", verdict="")]
    adapter = world.adapter(report={"scorecard": rows}, length_owner=30.0)
    page = world.client("viewer").get(f"/console/acme/runs/{adapter.run_id}").text
    assert '<li class="bad">' not in page
    assert "reach 70%; before it was 60%" in page
    assert "31 words on average; yours have 30" in page


def test_a_sure_loss_that_the_rules_allow_alarms_nobody_and_comes_last(world: World) -> None:
    loss = _line("neutral", 3.0, 3.3, better="less", low=0.2, high=0.4, verdict="no worse")
    rows = [loss, _line("facts", 0.8, 0.8, share=True, low=-0.1, high=0.1, verdict="same")]
    adapter = world.adapter(report={"scorecard": rows})
    page = " ".join(world.client("viewer").get(f"/console/acme/runs/{adapter.run_id}").text.split())
    assert "a little worse, within what is allowed" in page and "surely worse" not in page
    assert (
        page.index("facts")
        < page.index("1 more, not surely better or worse")
        < page.index("within what is allowed")
    )
    assert "0 points (-10 to +10), could be chance" in page


def test_a_trial_alarms_only_where_its_rule_is_sure(world: World) -> None:
    adapter = world.adapter()
    canary = world.store.canaries.start(
        world.assistant.id, adapter.id, Trial(0.5, 100, 14), actor="x", expected=None
    )
    world.store.canaries.note(canary.id, served={"ok": True, "at": canary.created_at.isoformat()})
    visitors = [f"vis_{n}" for n in range(40)]
    for visitor in visitors:
        label = "refused" if canary.holds(visitor) else "supported"
        world.turn(visitor_id=visitor, label=label)
    page = world.client("viewer").get("/console/acme/tuning").text
    assert "too few turns" in page and "surely worse" not in page.split("Readiness")[0]


def test_a_run_that_was_taken_up_again_says_what_training_itself_knows_to_be_left(
    world: World,
) -> None:
    run = world.store.runs.ask(world.assistant.id, config={}, requested_by="x")
    # Thirty of forty steps are done, but this process has only worked for four seconds.
    progress = {"done": 30, "total": 40, "seconds": 4.0, "left": 60.0}
    world.store.runs.note(run.id, status="running", stage="train", progress=progress)
    page = world.client("viewer").get("/console/acme/tuning").text
    assert "About 60 seconds left for training" in page


SAMPLES = [
    {"question": "Open?", "owner": "From nine!", "before": "At 9.", "after": "From nine, friend!"},
    {"question": "Same?", "owner": "Yes.", "before": "Yes.", "after": " Yes. "},
    {"question": "Closed?", "owner": "At six!", "before": "At 18.", "after": "At six, friend!"},
]


def test_blind_choice_hides_which_is_which_and_counts_for_the_right_one(world: World) -> None:
    adapter = world.adapter(report={"samples": SAMPLES})
    reviewer = world.client("reviewer")
    path = f"/console/acme/runs/{adapter.run_id}/blind"
    for _ in range(2):
        page = reviewer.get(path).text
        assert "Before" not in page and "After" not in page
        sample = 0 if "Open?" in page else 2
        new, old = SAMPLES[sample]["after"], SAMPLES[sample]["before"]
        pressed = "first" if page.index(new) < page.index(old) else "second"
        reviewer.post(path, {"sample": sample, "choice": pressed})
    choices = world.store.blind.in_force(adapter.id)
    assert sorted((c.sample, c.choice) for c in choices) == [(0, "after"), (2, "after")]
    done = reviewer.get(path).text
    assert "preferred 2 of 2 times" in done and "not enough to tell the two apart" in done
    report = reviewer.get(f"/console/acme/runs/{adapter.run_id}").text
    assert "From nine, friend!" in report and "preferred 2 of 2 times" in report


def test_blind_choice_takes_neither_a_wrong_question_nor_a_wrong_answer(world: World) -> None:
    adapter = world.adapter(report={"samples": SAMPLES})
    reviewer = world.client("reviewer")
    path = f"/console/acme/runs/{adapter.run_id}/blind"
    assert reviewer.post(path, {"sample": 1, "choice": "first"}).status_code == 400
    assert reviewer.post(path, {"sample": 99, "choice": "first"}).status_code == 400
    assert reviewer.post(path, {"sample": 0, "choice": "after"}).status_code == 400
    assert world.store.blind.in_force(adapter.id) == []


def test_plan_is_saved_whole_or_not_at_all_and_told_in_words(world: World) -> None:
    owner = world.client("owner")
    form = {
        "promote": "canary first",
        "canary_share": "25",
        "canary_turns": "200",
        "canary_days": "7",
        "watch_drift": "on",
        "schedule": "0 3 * * 1",
        "every_pairs": "0",
        "from_hour": "22",
        "to_hour": "6",
        "time_zone": "Europe/Oslo",
        "grounding": "auto",
    }
    wrong = owner.post("/console/acme/tuning/plan", form | {"schedule": "at night", "to_hour": "x"})
    assert wrong.status_code == 400
    assert "2 fields need another look" in wrong.text and 'value="at night"' in wrong.text
    assert world.store.plans.of(world.assistant.id).chosen.schedule == ""
    assert owner.post("/console/acme/tuning/plan", form).status_code == 303
    chosen = world.store.plans.of(world.assistant.id).chosen
    assert (chosen.promote, chosen.canary_share, chosen.watch_drift) == ("canary first", 0.25, True)
    page = owner.get("/console/acme/tuning").text
    assert "The next run begins Monday" in page or "The next run begins t" in page
    assert "once it has rested for 30 minutes" in page
    assert "(Europe/Oslo)" in page and "25% of the visitors first, until 200 turns" in page
    owner.post("/console/acme/tuning/plan", {**form, "watch_drift": ""})
    assert "Nobody watches a promoted voice but you." in owner.get("/console/acme/tuning").text


def test_readiness_as_the_worker_counted_it_leads_to_the_answers_to_judge(world: World) -> None:
    turn = world.turn("How long to Norway?")
    content = {
        "ready": False,
        "pairs": 12,
        "new": 4,
        "pages": {"all": 9, "touched": 3, "missing": ["Shipping"]},
        "contradictions": [{"question": "Open?", "reason": "one says yes, the other no"}],
        "lengths": {"low": 2, "middle": 9, "high": 60, "balanced": False},
        "expected": {"held_out": 4, "half_width": 0.29},
        "dropped": {"it is too short": 3},
        "next_steps": ["Settle 1 contradiction: which is right is a question of fact."],
        "review_next": [
            {
                "turn": turn.id,
                "conversation": turn.conversation_id,
                "question": "How long to Norway?",
                "why": "no reply touches “Shipping” yet",
            }
        ],
    }
    world.store.meters.put(world.assistant.id, "m", content)
    page = " ".join(world.client("viewer").get("/console/acme/tuning").text.split())
    assert "Not yet" in page and "approve or correct 8 more answers" in page
    assert "3 of 9 pages are touched" in page and "± 29 points" in page
    assert "3 because it is too short" in page and "Settle 1 contradiction" in page
    assert f"/console/acme/conversations/{turn.conversation_id}#{turn.id}" in page


def test_replies_are_listed_with_what_was_corrected(world: World) -> None:
    corrected = world.turn("May I?", "You may do it.")
    verdict = Verdict("corrected", "tone", "You may do it, friend!")
    world.store.reviews.judge(corrected.id, verdict, reviewer="ana")
    fact = world.turn("Unjudged fact?")
    world.store.reviews.judge(fact.id, Verdict("rejected", "fact"), reviewer="x")
    page = world.client("viewer").get("/console/acme/tuning/replies").text
    assert "<ins> friend!</ins>" in page or "friend!</ins>" in page
    assert "Unjudged fact?" not in page
    assert f"#{corrected.id}" in page
    searched = world.client("viewer").get("/console/acme/tuning/replies?text=nothing+such").text
    assert "Nothing matches" in searched


def test_a_reply_is_left_out_with_a_reason_and_taken_back_in(world: World) -> None:
    turn = world.turn("May I?", "You may.")
    review = world.store.reviews.judge(turn.id, Verdict("approved"), reviewer="ana")
    reviewer = world.client("reviewer")
    path = f"/console/acme/tuning/replies/{review.id}"
    gone = reviewer.post(f"{path}/leave-out", {"reason": "a mere quote"})
    assert gone.headers["Location"].endswith(f"replies?undo={review.id}")
    assert world.store.exclusions.reasons(world.assistant.id) == {turn.id: "a mere quote"}
    page = reviewer.get(gone.headers["Location"]).text
    assert "because: a mere quote" in page and "Undo" in page and "1 left out" in page
    assert reviewer.post(f"{path}/take-in").status_code == 303
    assert world.store.exclusions.reasons(world.assistant.id) == {}
    assert "0 left out" in reviewer.get("/console/acme/tuning/replies").text
    assert reviewer.post("/console/acme/tuning/replies/rev_x/leave-out").status_code == 404


def _counted(world: World, *, ready: bool = True, sentence: str = "90 headings are there.") -> None:
    source = world.store.knowledge.add_source(world.assistant.id, "website", "https://x.org/", {})
    world.store.knowledge.set_source(source.id, status="ready")
    content = {
        "ready": False, "pairs": 0, "new": 0, "pages": {"all": 0}, "contradictions": [],
        "lengths": {"balanced": True}, "expected": {}, "dropped": {}, "next_steps": [],
        "review_next": [],
        "grounding": {
            "ready": ready, "sentence": sentence, "since": world.assistant.created_at.isoformat(),
        },
    }  # fmt: skip
    world.store.meters.put(world.assistant.id, "m", content)


def test_a_grounding_run_is_offered_and_started_by_one_button(world: World) -> None:
    _counted(world)
    owner = world.client("owner")
    page = owner.get("/console/acme/tuning").text
    assert "90 headings are there." in page and "Start a grounding run" in page
    assert "Start a grounding run" not in world.client("viewer").get("/console/acme/tuning").text
    assert owner.post("/console/acme/tuning/run", {"kind": "grounding"}).status_code == 303
    [run] = world.store.runs.of_assistant(world.assistant.id)
    assert run.kind == "grounding" and run.config == {"kind": "grounding"}
    page = owner.get("/console/acme/tuning").text
    assert "Grounding run" in page and "Start a grounding run" not in page
    assert owner.post("/console/acme/tuning/run", {"kind": "facts"}).status_code == 400


def test_little_content_says_why_no_grounding_run_is_offered(world: World) -> None:
    _counted(world, ready=False, sentence="A grounding run needs 72 headings.")
    page = world.client("owner").get("/console/acme/tuning").text
    assert "A grounding run needs 72 headings." in page and "Start a grounding run" not in page
    world.store.plans.change(world.assistant.id, {"grounding": "off"})
    assert "needs 72 headings" not in world.client("owner").get("/console/acme/tuning").text


def test_a_grounding_run_is_told_from_a_voice_run_in_plain_words(world: World) -> None:
    row = {
        "name": "own_words", "title": "Answers in own words that stood the check", "n": 30,
        "before": 0.4, "after": 0.9, "difference": 0.5, "low": 0.3, "high": 0.65,
        "better": "more", "verdict": "better", "hard": False,
    }  # fmt: skip
    run = world.store.runs.ask(
        world.assistant.id, config={"kind": "grounding"}, requested_by="schedule"
    )
    made = {"facts_asked": 32, "pairs": 0, "grounding": 140, "gate": {"passed": True}}
    world.store.runs.end(run.id, "passed", metrics=made)
    adapter = Adapter(
        0, "adp_g", world.assistant.id, run.id, "d", "b", PROMPT_VERSION, "x",
        {"config": {"kind": "grounding"}}, {"scorecard": [row]}, True, run.created_at,
    )  # fmt: skip
    world.store.adapters.register(adapter)
    owner = world.client("owner")
    page = " ".join(owner.get("/console/acme/tuning").text.split())
    assert "grounding run, 140 rows from your content" in page
    assert "in its own words more often, and no rule objects" in page
    assert "It answers 90% of the questions in words of its own" in page
    assert "Measured on 32 questions from your headings" in page
    assert "<h1>Grounding run</h1>" in owner.get(f"/console/acme/runs/{run.id}").text
    world.store.adapters.activate(world.assistant.id, "adp_g", reason="promoted", actor="x")
    assert "A model grounded in your content" in owner.get("/console/acme/tuning").text
