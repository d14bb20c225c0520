"""The words of a text as the checks see them."""

from __future__ import annotations

import pytest

from server.answering.words import (
    addresses,
    content_words,
    counted,
    is_pointer,
    names,
    negates,
    numbers,
    stem,
    without_pointers,
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("parcels", "parcel"),
        ("policies", "policy"),
        ("installed", "install"),
        ("installing", "install"),
        ("bus", "bus"),
        ("less", "less"),
        ("debian's", "debian"),
    ],
)
def test_forms_of_one_word_have_one_stem(word: str, expected: str) -> None:
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It costs 1,200 euros.", {"1200"}),
        ("Version 2.5, page 3.", {"2.5", "3"}),
        ("At 10:30.", {"10:30"}),
        ("None at all.", set()),
    ],
)
def test_numbers_are_read_without_their_separators(text: str, found: set[str]) -> None:
    assert numbers(text) == found


def test_a_silent_e_does_not_part_two_forms() -> None:
    assert stem("packages") == stem("package")


def test_number_words_up_to_twelve_count_as_numbers() -> None:
    assert counted("Seven of 12") == {"7", "12"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You cannot return it.", True),
        ("You can't return it.", True),
        ("You can’t return it.", True),
        ("Without a receipt.", True),
        ("You can return it.", False),
        ("Another notebook.", False),
    ],
)
def test_a_denial_is_seen(text: str, expected: bool) -> None:
    assert negates(text) is expected


def test_names_are_capitals_inside_a_sentence_and_inside_a_word() -> None:
    assert names("Ask Anna. Then use iTunes: Open it, I said.") == {"anna", "itun"}


def test_addresses_are_found_without_the_full_stop() -> None:
    assert addresses("See https://a.example/x. Or write to me@a.example.") == {
        "https://a.example/x",
        "me@a.example",
    }


def test_words_without_meaning_are_left_out() -> None:
    assert content_words("Can you do it for me?") == []


@pytest.mark.parametrize(
    ("sentence", "rest", "points"),
    [
        ("See Section 7.9, “What is a conffile?” below.", "below", True),
        ("See also How can you help Debian?", "", True),
        ("For more information read the installation guide.", None, True),
        (
            "Debian runs on 9 machines, see Section 4.1, “On what does it run?”.",
            "9 machines",
            False,
        ),
        ("Orders can be returned within 30 days.", None, False),
    ],
)
def test_a_sentence_that_only_points_elsewhere_is_told_from_one_that_says_something(
    sentence: str, rest: str | None, points: bool
) -> None:
    assert is_pointer(sentence) is points
    left = without_pointers(sentence)
    assert left == sentence if rest is None else rest in left and "“" not in left
