"""The grounding check on the labelled sentences: how good, how fast, and against what."""

from __future__ import annotations

from statistics import median

import pytest

from tests.quality.grounding import Score, milliseconds, overlapping, score, serving, table
from tests.quality.labels import Labelled, labelled

ITEMS = labelled()
REPORTING = [i for i in ITEMS if i.half == "reporting"]


def _recall(found: Score) -> float:
    return found.hits / (found.hits + found.missed)


def _false_alarms(found: Score) -> float:
    return found.false / (found.false + found.passed)


def test_the_labels_are_many_of_both_kinds_and_a_third_of_real_drafts() -> None:
    supported = sum(i.supported for i in ITEMS)
    assert supported >= 90 and len(ITEMS) - supported >= 90
    assert sum(i.kind == "draft" for i in ITEMS) >= 0.3 * len(ITEMS)
    assert len({i.id for i in ITEMS}) == len(ITEMS)
    assert len({(i.question, i.sentence) for i in ITEMS}) == len(ITEMS)


def test_no_question_is_in_both_halves_by_its_drafts() -> None:
    drafts = [i for i in ITEMS if i.kind == "draft"]
    halves = [{i.question for i in drafts if i.half == h} for h in ("choosing", "reporting")]
    assert all(halves) and halves[0].isdisjoint(halves[1])


def test_the_check_flags_nine_in_ten_unsupported_sentences_and_passes_most_others() -> None:
    found = score(serving, REPORTING)
    assert _recall(found) >= 0.9
    assert _false_alarms(found) <= 0.3
    assert found.f1 > score(overlapping, REPORTING).f1


@pytest.mark.parametrize("kind", ["number", "unit", "comparative", "negation", "name", "yes-no"])
def test_what_the_manual_says_is_checked_is_caught(kind: str) -> None:
    found = score(serving, [i for i in REPORTING if i.kind == kind])
    assert found.hits and _recall(found) >= 0.9


def test_courtesy_is_never_flagged() -> None:
    assert score(serving, [i for i in ITEMS if i.kind == "courtesy"]).false == 0


def test_checking_a_reply_takes_at_most_15_ms_at_the_median() -> None:
    assert median(milliseconds(ITEMS)) <= 15


def test_the_table_names_every_rule_and_the_time() -> None:
    text = "\n".join(table(ITEMS))
    for title in ("serving", "judge", "always supported", "word overlap", "ROUGE-L", "median"):
        assert title in text


def test_a_score_counts_each_kind_of_outcome() -> None:
    def item(supported: bool, sentence: str) -> Labelled:
        return Labelled("x", "", (), sentence, supported, "draft", "choosing")

    items = [item(False, "a"), item(False, "b"), item(True, "a"), item(True, "b"), item(True, "b")]
    assert score(lambda i: i.sentence == "a", items) == Score(1, 1, 1, 2)
