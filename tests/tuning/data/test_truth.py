"""Truth: honest replies in a voice stay in, what adds or turns a fact is refused."""

from __future__ import annotations

import pytest

from tests.tuning.measure import HONEST, truth
from tuning.data.truth import Given, untrue

FACTS = ("The shop is open from 9 to 17 on weekdays.", "Returns are free for 30 days.")


def test_honest_replies_stay_and_false_ones_are_refused() -> None:
    told = truth()
    assert told.share("the voice") == 0, told.wrong
    assert told.share("the voice, freer") <= 0.03, told.wrong
    assert told.share("free, by hand") <= 0.1, told.wrong
    false = [kind for kind in told.all if kind not in HONEST]
    assert told.share(*false) >= 0.8, told.wrong


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("Returns are free for 31 days.", "a number"),
        ("Returns are free for 30 % days.", "another sign or unit"),
        ("Returns are free, see shop.example.", "an address"),
        ("Returns are free for 30 days at Contoso.", "names what"),
        ("Returns are not free for 30 days.", "says otherwise"),
        ("Returns are free for 30 days. Cheap flights depart hourly from every airport.",
         "a sentence of it stands nowhere"),
        ("Cheap flights depart hourly.", "something else"),
    ],
)  # fmt: skip
def test_each_kind_of_untruth_has_its_reason(reply: str, reason: str) -> None:
    assert reason in str(untrue(reply, Given(FACTS, "Can I send it back?", frozenset())))


def test_what_the_owner_says_of_themselves_may_be_said() -> None:
    reply = "The crew of Blue Harbour says: returns are free for 30 days, ask crew@harbour.example!"
    assert untrue(reply, Given(FACTS, "Can I send it back?", frozenset())) is not None
    owner = "Blue Harbour, crew@harbour.example"
    assert untrue(reply, Given(FACTS, "Can I send it back?", frozenset(), owner)) is None
