"""What passes and what does not, case by case."""

from __future__ import annotations

import pytest

from server.checking.judge import Given, holds_phrase, is_page, judge

PAGE = "https://acme.example/returns"


@pytest.mark.parametrize(
    ("expected", "cited", "fits"),
    [
        (PAGE, PAGE, True),
        (PAGE, PAGE + "/", True),
        (PAGE + "/", PAGE, True),
        (PAGE, PAGE + "#refunds", True),
        (PAGE + "#refunds", PAGE + "#refunds", True),
        (PAGE + "#refunds", PAGE, False),
        (PAGE + "#refunds", PAGE + "#costs", False),
        (PAGE, "http://acme.example/returns", True),
        (PAGE, "https://ACME.example/returns", True),
        (PAGE, "https://acme.example:443/returns", True),
        (PAGE, "https://acme.example:8443/returns", False),
        (PAGE, "https://acme.example/Returns", False),
        (PAGE, "https://acme.example/returns/norway", False),
        (PAGE, "https://acme.example/", False),
        (PAGE, "https://evil.example/returns", False),
        (PAGE, "https://acme.example.evil.example/returns", False),
        (PAGE, "https://user@acme.example/returns", True),
        (PAGE + "?lang=no", PAGE + "?lang=no", True),
        (PAGE + "?lang=no", PAGE, False),
        (PAGE, PAGE + "?lang=no", False),
        ("https://acme.example", "https://acme.example/", True),
        ("https://acme.example/%C3%BCber", "https://acme.example/über", True),
        ("/returns", PAGE + "#refunds", True),
        ("/returns", "https://live.example/returns/", True),
        ("/returns", "https://acme.example/shipping", False),
        ("acme.example/returns", PAGE, False),
        ("file:Handbook.pdf", "file:Handbook.pdf#page=3", True),
        ("file:Handbook.pdf", "file:Other.pdf", False),
        ("file:Handbook.pdf", "https://acme.example/Handbook.pdf", False),
        (PAGE + "#:~:text=May%20I", PAGE + "#:~:text=May I", True),
        (PAGE + "#:~:text=May%20I", PAGE + "#:~:text=Must%20I", False),
        ("http://[broken", "http://[broken", True),
        ("http://[broken", PAGE, False),
        (" " + PAGE + "\n", PAGE, True),
    ],
)
def test_an_address_leads_to_the_expected_page_or_does_not(
    expected: str, cited: str, fits: bool
) -> None:
    assert is_page(expected, cited) is fits


@pytest.mark.parametrize(
    ("phrase", "text", "holds"),
    [
        ("30 days", "Within 30 days of delivery.", True),
        ("30 days", "Within 30\n  DAYS of delivery.", True),
        ("30 days", "Within 130 days.", False),
        ("30", "It costs 30.", True),
        ("30", "It costs 30.50.", False),
        ("5", "It costs 1.5 euros.", False),
        ("1,500", "It costs 11,500 euros.", False),
        ("it's free", "It’s free of charge.", True),
        ('"no"', "We say “no”.", True),
        ("9-17", "Open 9–17 daily.", True),
        ("co-operate", "We co\u2011operate.", True),
        ("delivery", "de\u00adliv\u200bery", True),
        ("café", "Cafe\u0301", True),
        ("STRASSE", "Straße", True),
        ("ﬁne", "fine", True),
        ("return", "Orders can be returned.", False),
        ("returned", "Orders can be (returned).", True),
        ("available", "It is unavailable.", False),
        ("available", "Availability: it’s available!", True),
        ("(free)", "It is (free)of charge.", True),
        ("退货", "您可以退货吗", True),
        ("배송", "배송은 무료입니다", True),
        ("iphone", "一部iPhone手机", True),
        ("a.c", "abc", False),
        ("   ", "anything", False),
    ],
)
def test_a_phrase_stands_in_a_text_or_does_not(phrase: str, text: str, holds: bool) -> None:
    assert holds_phrase(phrase, text) is holds


OTHER = "https://acme.example/shipping"


@pytest.mark.parametrize(
    ("expect", "given", "passed", "why"),
    [
        (None, Given("No idea.", "refused"), True, ""),
        (None, Given("Yes.", "supported"), False, "supported"),
        (None, Given("Ask Ana.", "handed_over"), False, "handed_over"),
        ({"url": PAGE}, Given("Yes.", "supported", [PAGE]), True, ""),
        ({"url": PAGE}, Given("Yes.", "uncertain", [OTHER, PAGE]), True, "number 2"),
        ({"url": PAGE}, Given("Yes.", "supported", [OTHER]), False, OTHER),
        ({"url": PAGE}, Given("Yes.", "curated"), False, "No page"),
        ({"url": PAGE}, Given("No.", "refused", [PAGE]), False, "must be answered"),
        ({"phrase": "30 days"}, Given("30 days.", "supported"), True, ""),
        ({"phrase": "30 days"}, Given("A month.", "supported", [PAGE], ["30 days"]), True, "quote"),
        ({"phrase": "30 days"}, Given("A month.", "supported", [PAGE], ["31 days"]), False, "neit"),
        ({"phrase": "30 days"}, Given("30 days.", "refused"), False, "must be answered"),
    ],
)
def test_an_answer_passes_or_says_why_not(
    expect: dict[str, str] | None, given: Given, passed: bool, why: str
) -> None:
    judged = judge(expect, given)
    assert judged.passed is passed
    assert why in judged.why and bool(judged.why) is bool(why)
