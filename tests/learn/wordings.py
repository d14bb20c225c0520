"""Questions with known topics: headings of the development corpora, said in other ways by rules.

A topic is one heading. Its wordings change how it opens ("How do I" -> "what is the way to"), keep
only its content words, leave one of them out, swap two letters, drop case and end mark, and greet
first; each draws from these rules by the seed, and no wording stands twice. Topics are asked as
unevenly as visitors do (the r-th about 1 / (r + 2) as often), many of them once.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from server.answering.words import content_words
from server.store.curated import question_key
from tests.quality.corpora import FOLDERS, Section, sections

_OPENINGS = (
    (r"^how (?:do|can|should|could) (?:i|you|we) ", ("what is the way to ", "i want to ",
     "is there a way to ", "how to ", "i need help to ", "steps to ")),
    (r"^(?:can|may|could) (?:i|you|we) ", ("is it possible to ", "am i able to ", "how to ")),
    (r"^why (?:does|do|is|are|did|must|can) ", ("what is the reason for ", "reason why ",
     "explain why ")),
    (r"^what (?:is|are|does) ", ("tell me about ", "please explain ", "i do not understand ",
     "meaning of ")),
    (r"^(?:is|are) there (?:any |an? )?", ("do you know any ", "i am looking for ",
     "where to find ")),
    (r"^(?:does|do|is|are|will) ", ("i wonder whether ", "tell me if ", "")),
    (r"^where ", ("in which place ", "i cannot find where ")),
)  # fmt: skip
_GREETINGS = ("", "", "", "", "hi, ", "hello! ", "quick question: ", "sorry, ", "please help: ")
_ENDS = ("", "", "?", "?", "??", " please", " thanks")
_TRIES = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions beside the number of their topic."""

    questions: list[str]
    topics: list[int]


def headings(corpora: tuple[str, ...] = tuple(FOLDERS)) -> list[str]:
    """The headings that ask something, each once."""
    found = {s.heading.lower(): s.heading for c in corpora for s in sections(c) if _asks(s)}
    return list(found.values())


def draw(own: list[str], *, seed: int, topics: int = 110, count: int = 500) -> Asked:
    """Some of the headings as topics, asked `count` times in all."""
    chance = random.Random(seed)
    chosen = chance.sample(own, min(topics, len(own)))
    sizes = _sizes(len(chosen), count)
    said = [(q, n) for n, size in enumerate(sizes) for q in wordings(chosen[n], size, chance)]
    chance.shuffle(said)
    return Asked([q for q, _ in said], [n for _, n in said])


def wordings(heading: str, count: int, chance: random.Random) -> list[str]:
    """So many ways to ask for a heading, itself the first."""
    found = {question_key(heading): heading}
    for _ in range(_TRIES):
        if len(found) >= count:
            break
        said = _said(heading, chance)
        found.setdefault(question_key(said), said)
    return list(found.values())[:count]


def _asks(section: Section) -> bool:
    return section.is_gold and len(section.heading) <= 120


def _sizes(topics: int, count: int) -> list[int]:
    weights = [1 / (rank + 2) for rank in range(topics)]
    sizes = [max(1, int(count * w / sum(weights))) for w in weights]
    for n in range(count - sum(sizes)):
        sizes[n % len(sizes)] += 1
    return sizes


def _said(heading: str, chance: random.Random) -> str:
    plain = heading.rstrip("?").strip().lower()
    body = chance.choice((_reopened, _reopened, _keywords, _without_one, _as_it_is))(plain, chance)
    if chance.random() < 0.25:
        body = _mistyped(body, chance)
    return f"{chance.choice(_GREETINGS)}{body}{chance.choice(_ENDS)}".strip()


def _as_it_is(plain: str, chance: random.Random) -> str:
    return plain


def _reopened(plain: str, chance: random.Random) -> str:
    for pattern, openings in _OPENINGS:
        if re.match(pattern, plain):
            return re.sub(pattern, chance.choice(openings), plain)
    return f"tell me {plain}"


def _keywords(plain: str, chance: random.Random) -> str:
    kept = [w for w in re.findall(r"[\w.+/-]+", plain) if content_words(w)]
    return " ".join(kept) if len(kept) > 1 else plain


def _without_one(plain: str, chance: random.Random) -> str:
    words = plain.split()
    content = [n for n, w in enumerate(words) if content_words(w)]
    if len(content) < 4:
        return _reopened(plain, chance)
    del words[chance.choice(content)]
    return " ".join(words)


def _mistyped(text: str, chance: random.Random) -> str:
    places = [n for n in range(1, len(text) - 2) if text[n : n + 2].isalpha()]
    if not places:
        return text
    at = chance.choice(places)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
