"""Judging an answer by rule: what is right, what is wrong, and what counts as carried."""

from __future__ import annotations

from typing import Any

import pytest

from server.errors import Invalid
from server.evaluation.figures import figures, risk_coverage
from server.evaluation.judge import Given, Judged, judge, unsupported
from server.evaluation.questions import Expected, fragment, parse_rows, same_page

PAGE = "https://acme.example/returns"
GOLD = (
    "Orders can be returned within 30 days of delivery. Refunds reach your bank account in five "
    "working days. Opened software cannot be returned."
)
ELSEWHERE = "Parcels to Norway take four working days and cost 12 euros."
ASKED = Expected("Can I send an order back?", (PAGE,))
RIGHT = "Orders can be returned within 30 days of delivery."


def _given(reply: str, **changes: Any) -> Given:
    values: dict[str, Any] = {
        "reply": reply,
        "refused": False,
        "cited": [f"{PAGE}#how"],
        "grounds": [GOLD],
        "ranked": ["https://acme.example/x", PAGE],
        "marks": 1,
        "label": "supported",
    }
    return Given(**(values | changes))


def _judged(reply: str, expected: Expected = ASKED, **changes: Any) -> Judged:
    gold = [GOLD] if expected.urls else []
    return judge(expected, _given(reply, **changes), gold)


def test_a_right_answer_is_right_on_its_page_and_ranked() -> None:
    judged = _judged(RIGHT)
    assert judged.right and judged.right_page and not judged.wrong_fact
    assert (judged.score, judged.ranks, judged.citations_right) == (1, (2,), 1)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("Orders can be returned within 60 days of delivery.", "60 stands nowhere"),
        ("Orders can be returned to https://evil.example/x within 30 days.", "stands nowhere"),
        ("Orders can be returned to the shop in Oslo within 30 days.", "the name oslo"),
        ("Orders cannot be returned within 30 days of delivery.", "the opposite"),
        ("Our shop has many friendly people who love cooking.", "no passage says this"),
    ],
)
def test_a_statement_that_no_passage_carries_makes_the_answer_wrong(reply: str, why: str) -> None:
    judged = _judged(reply)
    assert judged.wrong_fact and not judged.right and judged.score == -1
    assert why in judged.why


def test_a_true_sentence_from_elsewhere_does_not_answer_the_question() -> None:
    judged = _judged(ELSEWHERE, grounds=[ELSEWHERE])
    assert not judged.wrong_fact and not judged.right and "elsewhere" in judged.why


def test_a_refusal_is_right_where_there_is_no_answer_and_costs_nothing_elsewhere() -> None:
    unknown = Expected("Do you sell cars?")
    assert _judged("No idea.", unknown, refused=True, cited=[]).right
    assert _judged("No idea.", unknown, refused=True, cited=[]).score == 0
    assert not _judged("No idea.", ASKED, refused=True, cited=[]).right
    assert _judged(RIGHT, unknown).score == -1


def test_an_expected_phrase_has_to_be_said() -> None:
    assert _judged(RIGHT, Expected(ASKED.question, (), "within  30 DAYS")).right
    assert not _judged(RIGHT, Expected(ASKED.question, (), "31 days")).right


def test_two_expected_sections_both_have_to_be_answered() -> None:
    both = Expected("Returns and Norway?", (PAGE, "https://acme.example/norway"))
    told = _given(RIGHT, grounds=[GOLD, ELSEWHERE])
    assert not judge(both, told, [GOLD, ELSEWHERE]).right
    told = _given(f"{RIGHT} {ELSEWHERE}", grounds=[GOLD, ELSEWHERE])
    assert judge(both, told, [GOLD, ELSEWHERE]).right


def test_a_verbatim_sentence_is_carried_whatever_it_says() -> None:
    odd = "No, SmolBot 9000 is not for sale."
    assert unsupported(odd, [f"Well. {odd} Sorry."], "") == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://A.example/x/", "https://a.example/x#part", True),
        ("https://a.example/x%20y", "https://a.example/x y", True),
        ("https://a.example/x", "https://a.example/y", False),
        ("https://a.example/x?p=1", "https://a.example/x?p=2", False),
    ],
)
def test_pages_are_compared_without_fragment_and_spelling(one: str, other: str, same: bool) -> None:
    assert same_page(one, other) is same


def test_a_text_fragment_names_no_section() -> None:
    assert fragment("https://a.example/x#part") == "part"
    assert fragment("https://a.example/x#:~:text=hello") == ""


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"question": "  ", "expect": None},
        {"question": "What?"},
        {"question": "What?", "expect": {}},
        {"question": "What?", "expect": "page"},
        {"question": "What?", "expect": {"url": 3}},
        {"question": "What?", "expect": {"page": "x"}},
        "What?",
    ],
)
def test_a_wrong_row_is_named(row: Any) -> None:
    with pytest.raises(Invalid, match="Row 2"):
        parse_rows([{"question": "What?", "expect": None}, row])
    with pytest.raises(Invalid, match="no questions"):
        parse_rows([])


def test_the_figures_count_what_they_say() -> None:
    unknown = Expected("Do you sell cars?")
    judged = [
        _judged(RIGHT, confidence=0.9),
        _judged("Orders can be returned within 60 days.", confidence=0.4),
        _judged("No.", refused=True, cited=[], label="refused"),
        _judged("No.", unknown, refused=True, cited=[], label="refused"),
        _judged(RIGHT, unknown, confidence=0.3),
    ]
    found = figures(judged)
    assert (found["n"], found["answered"], found["refused"]) == (5, 3, 2)
    assert found["wrong_facts"] == pytest.approx(1 / 3, abs=1e-4)
    assert (found["refusal_recall"], found["refusal_precision"]) == (0.5, 0.5)
    assert found["over_refusal"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["crag"] == pytest.approx((1 - 1 + 0 + 0 - 1) / 5)
    assert (found["recall_at_1"], found["recall_at_5"]) == (0.0, 1.0)
    assert found["labels"] == {"refused": 2, "supported": 3}
    low, high = found["ci"]["crag"]
    assert -1 <= low <= found["crag"] <= high <= 1


def test_where_nothing_can_be_measured_there_is_no_figure() -> None:
    found = figures([_judged("No.", refused=True, cited=[], label="refused")])
    assert found["wrong_facts"] is None and found["refusal_recall"] is None
    assert found["risk_coverage"] == {"points": [], "area": None}


def test_the_risk_coverage_curve_takes_the_surest_first() -> None:
    wrong = _judged("Orders can be returned within 60 days.", confidence=0.9)
    curve = risk_coverage([wrong, _judged(RIGHT, confidence=0.5)])
    assert curve["points"] == [[0.5, 1.0], [1.0, 0.5]] and curve["area"] == 0.75


def test_figures_tell_languages_apart() -> None:
    german = Expected("Kann ich das zurückgeben?", (PAGE,), language="de")
    found = figures([_judged(RIGHT), judge(german, _given(RIGHT), [GOLD])])
    assert set(found["by_language"]) == {"de", "en"} and found["by_language"]["de"]["n"] == 1
