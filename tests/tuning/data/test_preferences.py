"""Preference rows: corrections, and thumbs that a reviewer confirmed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.store import Store
from server.store.assistants import Assistant
from server.store.reviews import Verdict
from tests.tuning.learning import REPLY, approve, built, correct, talk, turn_of
from tuning.child import read_lines
from tuning.data.leakage import Beside
from tuning.data.preferences import write_preferences
from tuning.data.sides import side_preferences
from tuning.data.split import HELD_OUT, TRAIN, split_pairs

BETTER = "From 9 to 17 on weekdays the shop is open, dear friend!"


@pytest.fixture
def assistant(sqlite_store: Store) -> Assistant:
    return sqlite_store.assistants.create("Shop")


def test_a_tone_correction_prefers_the_correction_to_the_draft(
    sqlite_store: Store, assistant: Assistant, tmp_path: Path
) -> None:
    review = correct(sqlite_store, turn_of(sqlite_store, assistant), BETTER)
    report = built(sqlite_store, assistant)
    [row] = report.preferences
    assert (row.kind, row.completion, row.rejected) == ("preference", BETTER, REPLY)
    assert (row.origin_id, row.reviewer) == (review.id, "ada@example.org")
    write_preferences(tmp_path, report.preferences)
    [line] = (tmp_path / "preferences.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "prompt": report.pairs[0].prompt,
        "chosen": [{"role": "assistant", "content": BETTER}],
        "rejected": [{"role": "assistant", "content": REPLY}],
    }
    assert (tmp_path / "kto.jsonl").read_text() == ""


@pytest.mark.parametrize("draft", ["", "Something that a quote replaced.", BETTER])
def test_there_is_nothing_to_prefer_to_where_the_model_said_nothing_else(
    sqlite_store: Store, assistant: Assistant, draft: str
) -> None:
    reply = BETTER if draft == BETTER else REPLY
    correct(sqlite_store, turn_of(sqlite_store, assistant, draft=draft, reply=reply), BETTER)
    assert built(sqlite_store, assistant).preferences == []


@pytest.mark.parametrize(
    ("thumb", "verdict", "labels"),
    [
        ("up", Verdict("approved"), [True]),
        (None, Verdict("approved"), []),
        ("down", Verdict("approved"), []),
        ("down", Verdict("rejected", fault="tone"), [False]),
        ("down", Verdict("rejected", fault="fact"), []),
        ("up", Verdict("rejected", fault="tone"), []),
        (None, Verdict("rejected", fault="tone"), []),
    ],
)
def test_a_thumb_counts_where_a_reviewer_came_to_the_same(
    sqlite_store: Store,
    assistant: Assistant,
    thumb: str | None,
    verdict: Verdict,
    labels: list[bool],
    tmp_path: Path,
) -> None:
    turn = turn_of(sqlite_store, assistant)
    if thumb:
        sqlite_store.conversations.give_feedback(turn.id, thumb)
    sqlite_store.reviews.judge(turn.id, verdict, reviewer="ada")
    rows = built(sqlite_store, assistant).preferences
    assert [row.label for row in rows] == labels
    write_preferences(tmp_path, rows)
    lines = [json.loads(line) for line in (tmp_path / "kto.jsonl").read_text().splitlines()]
    assert [(line["label"], line["completion"]) for line in lines] == [
        (label, [{"role": "assistant", "content": REPLY}]) for label in labels
    ]


def test_a_taken_back_thumb_is_none(sqlite_store: Store, assistant: Assistant) -> None:
    turn = turn_of(sqlite_store, assistant)
    sqlite_store.conversations.give_feedback(turn.id, "up")
    sqlite_store.conversations.give_feedback(turn.id, None)
    approve(sqlite_store, turn)
    assert built(sqlite_store, assistant).preferences == []


def test_a_row_goes_where_its_conversation_went_and_never_gives_a_pair_away(
    sqlite_store: Store, assistant: Assistant
) -> None:
    for n, topic in enumerate("apple boat cup drum egg flag gate hat".split()):
        reply = f"The {topic} lies in the {topic} room behind the old {topic} door."
        turn = turn_of(
            sqlite_store, assistant, f"Where is that old {topic} of ours kept?", visitor=f"vis_{n}",
            reply=reply, evidence=[{"text": reply}],
        )  # fmt: skip
        sqlite_store.conversations.give_feedback(turn.id, "up")
        approve(sqlite_store, turn)
        # Another conversation with nearly the same question, disliked.
        other = turn_of(
            sqlite_store, assistant, f"Where is that old {topic} of ours kept now?",
            reply=f"Dunno, look for a {topic}.", evidence=[{"text": reply}],
            conversation=talk(sqlite_store, assistant, f"vis_x{n}"),
        )  # fmt: skip
        sqlite_store.conversations.give_feedback(other.id, "down")
        verdict = Verdict("rejected", fault="tone")
        sqlite_store.reviews.judge(other.id, verdict, reviewer="ada")
    report = built(sqlite_store, assistant)
    assert len(report.preferences) == 16
    before = [pair.group_id for pair in report.pairs]
    pairs = split_pairs(report.pairs, seed=1, share=0.3, floor=2)
    groups = dict(zip(before, (pair.group_id for pair in pairs), strict=True))
    placed = side_preferences(report.preferences, pairs, groups, Beside())
    held = {pair.question for pair in pairs if pair.split == HELD_OUT}
    assert held and len(held) < 8
    for row in placed:
        near = row.question.replace(" now?", "?")
        assert (row.split == HELD_OUT) == (near in held), row.question
    assert {row.split for row in placed} == {TRAIN, HELD_OUT}


def test_a_line_separator_in_a_reply_ends_no_row(
    sqlite_store: Store, assistant: Assistant, tmp_path: Path
) -> None:
    better = "From 9 to 17 on weekdays\u2028the shop is open, dear friend!"
    correct(sqlite_store, turn_of(sqlite_store, assistant), better)
    report = built(sqlite_store, assistant)
    write_preferences(tmp_path, report.preferences)
    [row] = read_lines(tmp_path / "preferences.jsonl")
    assert row["chosen"][0]["content"] == better
