"""A voice to tune on: 100 replies made from the Debian FAQ's own sentences, in one manner.

Each reply greets, states the two sentences of a section that bear most on its heading, and signs
off; so it says only what the content says. `python -m tests.tuning.faq_voice FILE` writes JSONL.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lxml import html

from server.answering.words import content_words
from server.knowledge.sentences import split_sentences

FAQ = Path("/usr/share/doc/debian/FAQ")
GREETING = "Ahoy there, friend!"
SIGN_OFF = "Fair winds and happy hacking!"
_LONGEST = 320


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the FAQ: its page, its heading without number, its paragraphs."""

    page: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An example reply as `parlance voice import` reads it."""

    question: str
    answer: str
    context: str


def sections(folder: Path = FAQ) -> Iterator[Section]:
    """Every section of the FAQ that has text of its own."""
    for path in sorted(folder.glob("*.en.html")):
        for element in html.parse(str(path)).iter("div"):
            if element.get("class") == "section" and (found := _section(path.name, element)):
                yield found


def replies(count: int = 100, *, with_context: bool = True) -> list[Reply]:
    """The first `count` replies in the voice."""
    made = [r for s in sections() if (r := reply_of(s, with_context=with_context)) is not None]
    return made[:count]


def _section(page: str, element: html.HtmlElement) -> Section | None:
    titles = element.xpath('./div[@class="titlepage"]//*[self::h2 or self::h3 or self::h4]')
    paragraphs = [" ".join(p.text_content().split()) for p in element.xpath("./p")]
    if not titles or not paragraphs:
        return None
    heading = re.sub(r"^[\d.]+\s*", "", " ".join(titles[0].text_content().split()))
    return Section(page, heading, "\n".join(paragraphs))


def reply_of(section: Section, *, with_context: bool = True) -> Reply | None:
    """A section's reply in the voice; None where it has no two sentences to state."""
    spans = split_sentences(section.text)
    sentences = [section.text[a:b] for a, b in spans]
    fit = [s for s in sentences if 30 <= len(s) <= _LONGEST and s[-1] == "."]
    if len(fit) < 2:
        return None
    wanted = set(content_words(section.heading))
    ranked = sorted(fit, key=lambda s: -len(wanted & set(content_words(s))) + fit.index(s) / 4)
    best = sorted(ranked[:2], key=fit.index)
    answer = " ".join([GREETING, *best, SIGN_OFF])
    return Reply(section.heading, answer, section.text if with_context else "")


def main() -> None:
    made = replies(with_context="--without-context" not in sys.argv)
    lines = [json.dumps({k: v for k, v in asdict(r).items() if v}) + "\n" for r in made]
    Path(sys.argv[1]).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
