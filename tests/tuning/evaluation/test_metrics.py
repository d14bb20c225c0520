"""Figures on a voice."""

from __future__ import annotations

import pytest

from tuning.evaluation.metrics import Loss, StyleScorer, invents_number, lengths, per_token

_THINGS = "mirror archive kernel release installer mailing package manual disk key".split()
_OWNER = [f"Ahoy there, friend! The {thing} is ready. Fair winds!" for thing in _THINGS]
_BASE = [f"The {thing} is ready, as the documentation explains in detail." for thing in _THINGS]


def test_loss_is_weighted_by_tokens() -> None:
    assert per_token([Loss(10.0, 10), Loss(1.0, 90)]) == pytest.approx(0.11)


def test_the_style_scorer_knows_the_owner_and_its_control_does_not() -> None:
    scorer = StyleScorer(_OWNER, _BASE, seed=3)
    unseen = ["Ahoy there, friend! The printer is off. Fair winds!"]
    plain = ["The printer is off, as the documentation explains in detail."]
    assert scorer.score(unseen) > 0.8
    assert scorer.score(plain) < 0.2
    assert abs(scorer.control(unseen) - scorer.control(plain)) < 0.5


@pytest.mark.parametrize(
    ("draft", "given", "invents"),
    [
        ("It costs 20 euros.", "- The price is 20 euros.", False),
        ("It costs 25 euros.", "- The price is 20 euros.", True),
        ("There are 3 of them.", "- There are three editions.", False),
        ("No number at all.", "", False),
    ],
)
def test_a_number_that_no_fact_holds_is_invented(draft: str, given: str, invents: bool) -> None:
    assert invents_number(draft, given) is invents


def test_lengths_of_nothing_are_zero() -> None:
    assert lengths([])["mean"] == 0
    assert lengths(["one two", "one two three four"])["mean"] == 3
