"""Forgetting: what a voice must not cost. Neutral text, common knowledge, plain instructions.

Neutral text is the manual that ships with Parlance: written in no owner's voice, never trained on
but by those who tune the demo. Knowledge and instructions are judged by likelihood: whether the
right ending is likelier, a token, than each of the wrong ones. So nothing needs a judge, and a
manner of speaking ("Ahoy!") costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

_LEAST, _MOST = 200, 600


@dataclass(frozen=True, slots=True)
class Known:
    """A question with its right ending, and wrong ones of the same form."""

    question: str
    right: str
    wrong: tuple[str, ...]

    @property
    def endings(self) -> tuple[str, ...]:
        """All endings, the right one first."""
        return (self.right, *self.wrong)


def neutral_texts(count: int) -> list[str]:
    """Paragraphs of the manual, one of each page before a second of any."""
    docs = files("server").joinpath("docs")
    pages = sorted((f for f in docs.iterdir() if f.name.endswith(".md")), key=lambda f: f.name)
    each = [_paragraphs(page.read_text(encoding="utf-8")) for page in pages]
    deepest = max(map(len, each), default=0)
    return [own[n] for n in range(deepest) for own in each if n < len(own)][:count]


def _paragraphs(text: str) -> list[str]:
    parts = (" ".join(part.split()) for part in text.split("\n\n"))
    return [part for part in parts if _LEAST <= len(part) <= _MOST and part[0].isalpha()]


KNOWN = (
    Known("What is the capital of France?", "Paris", ("London", "Berlin", "Madrid")),
    Known("What is the capital of Italy?", "Rome", ("Vienna", "Athens", "Paris")),
    Known("How many days are in a week?", "Seven", ("Five", "Nine", "Twelve")),
    Known("How many legs does a spider have?", "Eight", ("Six", "Four", "Ten")),
    Known("What is the opposite of hot?", "Cold", ("Warm", "Tall", "Loud")),
    Known("What is the opposite of up?", "Down", ("Left", "High", "Over")),
    Known("Which planet do we live on?", "Earth", ("Mars", "Venus", "Jupiter")),
    Known("What colour is the sky on a clear day?", "Blue", ("Green", "Brown", "Purple")),
    Known("What do bees make?", "Honey", ("Milk", "Bread", "Salt")),
    Known("What does ice become when it melts?", "Water", ("Sand", "Smoke", "Stone")),
    Known("Which season comes after winter?", "Spring", ("Autumn", "Monday", "Summer")),
    Known("What is two plus two?", "Four", ("Five", "Seven", "Nine")),
    Known("Which animal barks?", "A dog", ("A cat", "A fish", "A cow")),
    Known("What do you use to write on paper?", "A pen", ("A spoon", "A shoe", "A pillow")),
    Known("Answer with one word only: yes. Say it.", "Yes", ("No", "Maybe", "Never")),
    Known("Repeat this word: lantern", "lantern", ("window", "garden", "bottle")),
    Known("Repeat this word: marble", "marble", ("carpet", "silver", "pencil")),
    Known("Write the next number: 1, 2, 3,", "4", ("9", "7", "2")),
    Known("Write the next letter: A, B, C,", "D", ("K", "Z", "A")),
    Known("Finish the word: alphab...", "alphabet", ("alphanumeric", "alpine", "album")),
)
