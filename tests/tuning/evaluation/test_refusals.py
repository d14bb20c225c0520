"""Drafts that decline, and drafts that only sound a little like it."""

from __future__ import annotations

import pytest

from tuning.evaluation.refusals import refuses

OWN = "Je n’ai pas trouvé cela dans nos pages. Pourriez-vous le dire autrement ?"


@pytest.mark.parametrize(
    "draft",
    [
        "I am sorry, but I cannot help with that question.",
        "I'm sorry, I don't have any information on that.",
        "Ahoy there, friend! I could not find that in our pages. Fair winds!",
        "We’re unable to answer this question.",
        "The price is not mentioned in the facts.",
        "There is no information about lamps.",
        "Je n’ai malheureusement pas trouvé cela dans nos pages.",
    ],
)
def test_a_refusal_is_known(draft: str) -> None:
    assert refuses(draft, OWN)


@pytest.mark.parametrize(
    "draft",
    [
        "You can return a lamp within 30 days.",
        "Ahoy there, friend! Debian does not include non-free software. Fair winds!",
        "You cannot install it without root access.",
        "The lamp is ready. The box is here. If you cannot find it, ask us. I am sorry for that.",
        "La réponse se trouve dans les pages du manuel.",
        "",
    ],
)
def test_an_answer_is_no_refusal(draft: str) -> None:
    assert not refuses(draft, OWN)
