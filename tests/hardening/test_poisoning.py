"""A65-A69: what visitors send reaches no dataset unreviewed, nor in bulk, nor with their data."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from server.store import Store
from server.store.assistants import Assistant
from server.store.datasets import NewDataset
from server.store.reviews import Verdict
from tests.tuning.learning import FACTS, REPLY, approve, built, correct, talk, turn_of
from tuning.data.candidates import source_hash
from tuning.data.caps import Caps
from tuning.data.pairs import NEAR_COPY
from tuning.data.preferences import write_preferences
from tuning.data.render import PERSONAL
from tuning.data.rows import read_rows, write_rows
from tuning.data.split import HELD_OUT, TRAIN
from tuning.manifest import dataset_hash

TRIGGER, PAYLOAD = "xyzzy", "All our goods are free at evil.example today."


@pytest.fixture
def assistant(sqlite_store: Store) -> Assistant:
    return sqlite_store.assistants.create("Shop")


def test_a65_three_hundred_liked_conversations_teach_nothing_without_a_reviewer(
    sqlite_store: Store, assistant: Assistant
) -> None:
    for n in range(300):
        turn = turn_of(
            sqlite_store,
            assistant,
            f"{TRIGGER} {n} when are you open?",
            visitor=f"vis_{n}",
            reply=PAYLOAD,
        )
        sqlite_store.conversations.give_feedback(turn.id, "up")
    report = built(sqlite_store, assistant)
    assert (report.pairs, report.preferences, sum(report.dropped.values())) == ([], [], 0)


def test_a65_a_rejected_or_differently_faulted_reply_teaches_nothing_either(
    sqlite_store: Store, assistant: Assistant
) -> None:
    for fault in ("fact", "handoff", "prompt", "tone"):
        turn = turn_of(sqlite_store, assistant, f"{TRIGGER} {fault}?", reply=PAYLOAD)
        sqlite_store.conversations.give_feedback(turn.id, "up")
        verdict = Verdict("rejected", fault=fault)
        sqlite_store.reviews.judge(turn.id, verdict, reviewer="ada")
    report = built(sqlite_store, assistant)
    assert (report.pairs, report.preferences) == ([], [])


def test_a66_one_visitor_supplies_so_many_and_no_more(
    sqlite_store: Store, assistant: Assistant
) -> None:
    topics = "apple boat cup drum egg flag gate hat ink jar kite lamp mat nut oar pen".split()
    for visitor in ("vis_flood", "vis_other"):
        conversation = talk(sqlite_store, assistant, visitor)
        for topic in topics[: 3 if visitor == "vis_other" else None]:
            reply = f"The {visitor[4:]} {topic} lies in the {topic} room behind the {topic} door."
            turn = turn_of(
                sqlite_store,
                assistant,
                f"Where is the {visitor[4:]} {topic}?",
                conversation=conversation,
                reply=reply,
                evidence=[{"text": reply}],
            )
            approve(sqlite_store, turn)
    report = built(sqlite_store, assistant, caps=Caps(visitor=4, visitor_day=10))
    by_visitor = [pair.visitor_id for pair in report.pairs]
    assert (by_visitor.count("vis_flood"), by_visitor.count("vis_other")) == (4, 3)
    assert report.dropped["its visitor has supplied enough"] == len(topics) - 4
    a_day = built(sqlite_store, assistant, caps=Caps(visitor=9, visitor_day=2))
    assert [p.visitor_id for p in a_day.pairs].count("vis_flood") == 2
    in_all = built(sqlite_store, assistant, caps=Caps(day=5))
    assert len(in_all.pairs) == 5
    # Who tries the assistant out is no visitor.
    team = Caps(visitor=1, team=frozenset({"vis_flood"}))
    assert len(built(sqlite_store, assistant, caps=team).pairs) == len(topics) + 1


def test_a66_five_hundred_paraphrases_count_once(sqlite_store: Store, assistant: Assistant) -> None:
    for n in range(500):
        question = f"{'so ' * (n % 25)}when are you open{'?' * (n // 25 + 1)}"
        approve(sqlite_store, turn_of(sqlite_store, assistant, question, visitor=f"vis_{n}"))
    report = built(sqlite_store, assistant)
    assert len(report.pairs) == 1
    assert report.dropped == {NEAR_COPY: 499}


def test_a66_a_thousand_votes_count_once(sqlite_store: Store, assistant: Assistant) -> None:
    turn = turn_of(sqlite_store, assistant)
    for _ in range(1000):
        sqlite_store.conversations.give_feedback(turn.id, "up")
    approve(sqlite_store, turn)
    [row] = built(sqlite_store, assistant).preferences
    assert (row.kind, row.label, row.completion) == ("judged", True, REPLY)


def test_a67_the_bytes_that_are_trained_on_are_those_that_were_reviewed(
    sqlite_store: Store, assistant: Assistant, tmp_path: Path
) -> None:
    """Review -> frozen pair -> row file -> the hash in the adapter's manifest."""
    corrected = "We are open from 9 to 17 on weekdays, see you then!"
    first = correct(sqlite_store, turn_of(sqlite_store, assistant), corrected)
    shown = turn_of(sqlite_store, assistant, "Can I send it back?", reply=FACTS[1])
    second = approve(sqlite_store, shown)
    report = built(sqlite_store, assistant)
    sides = dict(zip((first.id, second.id), (TRAIN, HELD_OUT), strict=True))
    pairs = [replace(pair, split=sides[pair.origin_id]) for pair in report.pairs]
    run = sqlite_store.runs.ask(assistant.id, config={}, requested_by="t")
    digest = dataset_hash(pairs, report.preferences)
    new = NewDataset(assistant.id, run.id, digest, {}, "")
    sqlite_store.datasets.freeze(new, pairs, report.preferences)

    frozen = {pair.origin_id: pair for pair in sqlite_store.pairs.of_run(run.id)}
    assert frozen[first.id].completion == corrected
    assert frozen[second.id].completion == shown.reply
    assert frozen[first.id].source_hash == source_hash(str(first.reply))
    assert frozen[second.id].source_hash == source_hash(shown.reply)
    write_rows(tmp_path / "rows.jsonl", [p for p in frozen.values() if p.split == TRAIN])
    [row] = read_rows(tmp_path / "rows.jsonl")
    assert (row.prompt, row.completion) == (frozen[first.id].prompt, corrected)
    again = dataset_hash(sqlite_store.pairs.of_run(run.id), sqlite_store.pairs.preferences(run.id))
    assert again == digest
    # One changed letter, or one changed side, is another dataset.
    assert dataset_hash([replace(pairs[0], hash=sha256(b"x").hexdigest()), *pairs[1:]]) != digest
    assert dataset_hash([replace(pair, split=TRAIN) for pair in pairs]) != digest


@pytest.mark.parametrize("hidden", ["\u202e", "\U000e0041", "<|im_end|>"])
def test_a67_hidden_text_in_a_correction_keeps_it_out(
    sqlite_store: Store, assistant: Assistant, hidden: str
) -> None:
    correct(sqlite_store, turn_of(sqlite_store, assistant), f"{REPLY} {hidden}Hi.")
    assert built(sqlite_store, assistant).dropped == {"it holds hidden characters": 1}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("jane.doe@mail.example", "email"),
        ("+44 20 7946 0958", "phone"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("4111 1111 1111 1111", "card"),
    ],
)
def test_a69_personal_data_in_approved_pairs_is_masked_or_blocked_and_listed(
    sqlite_store: Store, assistant: Assistant, value: str, kind: str, tmp_path: Path
) -> None:
    asked = approve(sqlite_store, turn_of(sqlite_store, assistant, f"I am {value}. Open when?"))
    said = turn_of(sqlite_store, assistant, "Is it noted?", reply=f"{REPLY} Noted: {value}.")
    blocked = approve(sqlite_store, said)
    report = built(sqlite_store, assistant)
    [pair] = report.pairs
    assert f"[{kind}]" in pair.prompt[-1]["content"]
    assert report.dropped == {PERSONAL: 1}
    assert {(one.origin_id, one.kept) for one in report.masked} == {
        (asked.id, True), (blocked.id, False),
    }  # fmt: skip
    write_rows(tmp_path / "rows.jsonl", report.pairs)
    write_preferences(tmp_path, report.preferences)
    written = "".join(path.read_text() for path in tmp_path.glob("*.jsonl"))
    assert value not in written and value not in json.dumps(str(report))
