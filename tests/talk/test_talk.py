"""The dialogues and the pairs on the real model and embedder, held to floors.

The floors lie below what was measured and above what searching without any rule reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.llm.models import Prepared
from tests.talk.dialogues import DIALOGUES, REFUSED
from tests.talk.manual import Desk, at_the_manual
from tests.talk.pairs import FRESH, PAIRS, Pair
from tests.talk.replay import queries, recall, replay, top_heading
from tests.talk.visitors import ANSWERED, BESIDE, HELD, OFFERED, OTHERWISE, outcomes

pytestmark = [pytest.mark.model, pytest.mark.slow]

# Measured: recall 65 of 69 (0.94), 59 as it is and 26 behind the question before; sections cited
# as expected 54 of 63 with the default model, 45 by turns that know of nothing before them.
_RECALL = 0.88
_SECTIONS = 0.78
# Of 40 questions in visitors' own words, 4 are answered from the right section, and to 25 it is
# offered beside the refusal; 3 are answered from another one. All 30 beside the manual are refused.
_AT_HAND = 0.65


@pytest.fixture(scope="module")
def desk(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("talk")
    with at_the_manual(folder, prepared) as opened:
        yield opened


def test_follow_ups_find_their_section_more_often_than_without_rules(desk: Desk) -> None:
    found = {
        way: sum(n for n, _ in recall(PAIRS, query).values()) / len(PAIRS)
        for way, query in queries(desk.retriever, desk.assistant.id).items()
    }
    assert found["as understood"] >= _RECALL, found
    assert found["as understood"] > found["as it is"], found
    assert found["as understood"] > found["behind the question before"] + 0.3, found


def test_fresh_questions_rank_the_same_section_whatever_was_said_before(desk: Desk) -> None:
    ways = queries(desk.retriever, desk.assistant.id)
    for before in ("How do I make a backup?", "Which verdicts are there?"):
        pairs = [Pair("fresh", before, question, "") for question in FRESH]
        moved = [
            (p.before, p.question)
            for p in pairs
            if top_heading(ways["as understood"](p)) != top_heading(ways["as it is"](p))
        ]
        assert moved == []


def test_dialogues_come_to_what_their_lines_expect(desk: Desk) -> None:
    told = [one for dialogue in DIALOGUES for one in replay(desk, dialogue)]
    wishes = [one for one in told if one.line.kind not in ("section", REFUSED)]
    sections = [one for one in told if one.line.kind == "section"]
    held = sum(one.held for one in sections) / len(sections)
    assert held >= _SECTIONS, [(o.line.question, o.turn.reply) for o in sections if not o.held]
    assert sum(one.held for one in wishes) >= len(wishes) - 3


def test_visitors_own_words_lead_to_the_right_section_or_its_offer(desk: Desk) -> None:
    held, beside = outcomes(desk)
    assert (held[ANSWERED] + held[OFFERED]) / len(HELD) >= _AT_HAND, held
    assert held[OTHERWISE] <= 5, held
    assert beside["refused"] >= 0.9 * len(BESIDE), beside
