"""The card tells what a dataset holds, and whatever people wrote comes into it as plain text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.tuning.material import numbered
from tuning.data.card import Described, card, lengths, plain
from tuning.data.conflicts import Conflict
from tuning.data.counts import count_rows
from tuning.data.pairs import MaskedPair, PairReport
from tuning.data.split import HELD_OUT, TRAIN
from tuning.data.topics import Topic, topics

NASTY = "# Hi <img src=x onerror=alert(1)> [a](javascript:b) | `c` *d*\n## e\u202e"


@pytest.mark.parametrize("text", [NASTY, "| a | b |", "---", "&lt;b&gt;", "$x$ ~~y~~ {z} 1. - +"])
def test_no_text_is_markup(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown and "\u202e" not in shown
    rest = shown
    for mark in "\\`*_{}[]()#+!|<>~$&-":
        rest = rest.replace(f"\\{mark}", "")
    assert not set(rest) & set("\\`*_{}[]()#+!|<>~$&-")


def test_a_card_tells_counts_reasons_and_contradictions_in_one_table_each() -> None:
    pairs = [replace(numbered(n), split=HELD_OUT if n < 2 else TRAIN, visitor_id="vis_1",
                     reviewer="ada") for n in range(8)]  # fmt: skip
    report = PairReport(pairs=pairs)
    report.dropped["it is too short"] = 3
    report.masked.append(MaskedPair("rev_1", {"email": 2}, kept=False))
    report.conflicts.append(Conflict("rev_2", "rev_3", NASTY, "one says yes, the other no"))
    counts = count_rows(report)
    assert (counts["pairs"], counts["train"], counts["held_out"]) == (8, 6, 2)
    assert (counts["reviewers"], counts["visitors"]) == (1, 1)
    described = Described("Shop <b>", "run_1", "abc", [Topic(("one", "two"), 8)], report.conflicts)
    told = card(described, pairs, counts)
    assert told.startswith("# Dataset of Shop \\<b\\>\n")
    for line in (
        "| kept aside to judge by | 2 |",
        "| that decline to answer | 0 \\(0%\\) |",
        "| voice | 8 |",
        "| one, two | 8 |",
        "| it is too short | 3 |",
        "| email | 2 |",
        "- `rev_1`: email; left out",
    ):
        assert line in told.splitlines(), told
    assert "(`rev_2`, `rev_3`): one says yes, the other no" in told
    assert "<img" not in told.replace("\\<", "")
    assert "\n## e" not in told


def test_lengths_are_words() -> None:
    texts = ["a", "a b", "a b c", "a b c d", "a b c d e"]
    assert lengths(texts) == {"least": 1, "q1": 2, "median": 3, "q3": 4, "most": 5}
    assert lengths(["one two"])["median"] == 2
    assert lengths([]) == {}


def test_topics_are_named_by_the_words_that_tell_them_apart() -> None:
    asked = [f"Where can I park my bicycle {n}?" for n in ("a", "b", "c", "d", "e", "f")]
    asked += [f"How long does shipping take {n}?" for n in ("a", "b", "c", "d", "e", "f", "g")]
    vectors = np.eye(2, 384, dtype=np.float32)[[0] * 6 + [1] * 7]
    first, second = topics(asked, vectors, seed=7)
    assert (first.questions, second.questions) == (7, 6)
    assert "shipping" in first.words and "bicycle" in second.words
    assert topics([], vectors[:0], seed=7) == []


def test_topics_are_named_where_small_letters_are_more_than_one_sign() -> None:
    # The small letter of a Turkish capital I with a dot is an i and a combining dot.
    found = topics(["İstanbul nerede?", "İstanbul kalabalık mı?"], np.eye(2, 4), seed=1)
    assert found[0].questions == 2
    assert any("stanbul" in word for word in found[0].words)
