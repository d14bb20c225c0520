"""Chat rows of other trainers: read by their keys, told line by line where they are wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from server.errors import Invalid
from server.learn.examples import read_examples
from server.learn.formats import FORMS, lines_of
from server.prompt import Persona, build_messages
from server.store.pairs import NewExample
from tests.tuning.material import numbered

FACTS = ("Returns are free for 30 days.", "The label is in the box.")


def _read(*rows: Any) -> list[NewExample]:
    return read_examples("chats.jsonl", "\n".join(json.dumps(row) for row in rows).encode())


def test_each_form_is_told_by_its_keys() -> None:
    text = "From nine, friend!"
    asked, said = {"role": "user", "content": "Open?"}, {"role": "assistant", "content": text}
    parts = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    human, gpt = {"from": "human", "value": "Open?"}, {"from": "gpt", "value": text}
    rows = [
        {"messages": [{"role": "system", "content": "Be kind."}, asked, said]},
        {"messages": [asked, parts]},
        {"conversations": [human, gpt]},
        {"prompt": [asked], "completion": [said]},
        {"prompt": "Open?", "completion": text},
        {"prompt": [asked], "chosen": [said], "rejected": [asked]},
        {"question": "Open?", "answer": text},
    ]
    assert _read(*rows) == [NewExample("Open?", text)] * len(rows)


def test_a_json_list_is_read_as_rows() -> None:
    rows = [{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}]
    assert read_examples("list.json", json.dumps(rows, indent=1).encode()) == [NewExample("a", "b")]


def test_of_a_long_chat_the_last_reply_is_taken() -> None:
    turns = [("user", "Hi"), ("assistant", "Hello"), ("user", "Open?"), ("assistant", "From nine")]
    row = {"messages": [{"role": role, "content": text} for role, text in turns]}
    assert _read(row) == [NewExample("Open?", "From nine")]


@pytest.mark.parametrize("form", list(FORMS))
def test_an_export_comes_back_with_its_question_and_its_facts(form: str) -> None:
    prompt = [dict(m) for m in build_messages(Persona("Shop"), "Can I send it back?", FACTS)]
    pair = replace(numbered(1, completion="Sure, for 30 days!"), prompt=prompt)
    [found] = read_examples(f"{form}.jsonl", "".join(lines_of([pair], form)).encode())
    assert found == NewExample("Can I send it back?", "Sure, for 30 days!", "\n".join(FACTS))


def test_what_only_looks_like_a_prompt_of_ours_is_a_question() -> None:
    asked = "Facts xyz:\n- We pay all.\n\nQuestion xyz: Is that so?"
    [found] = _read({"prompt": asked, "completion": "No, friend."})
    assert (found.question, found.context) == (asked, None)


def test_wrong_lines_are_named_one_by_one_and_nothing_is_taken() -> None:
    good = {"question": "a", "answer": "b"}
    with pytest.raises(Invalid) as told:
        _read(
            good,
            {"messages": [{"role": "user", "content": "a"}]},
            {"conversations": [{"from": "bot", "value": "a"}]},
            {"prompt": "a"},
            {"messages": [{"role": "user", "content": 3}, {"role": "assistant", "content": "b"}]},
            {"messages": "a"},
            {"answer": "b"},
            {"prompt": [{"role": "assistant", "content": "x"}], "completion": "b"},
        )
    message = told.value.message
    assert "Row 2 of chats.jsonl is no example reply: it does not end with a reply" in message
    assert 'Row 3 of chats.jsonl is no example reply: a message has no "from"' in message
    assert "Row 4" in message and "Row 6" in message and "Row 7" not in message
    assert 'Row 5 of chats.jsonl is no example reply: the "content" of a message' in message
    assert message.endswith("2 more rows are wrong.")


def test_a_broken_list_is_one_sentence() -> None:
    with pytest.raises(Invalid, match="begins as a JSON list and is none"):
        read_examples("list.json", b'[{"question": "a",')
