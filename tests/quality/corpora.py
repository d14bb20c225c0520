"""Development corpora from Debian's packages, and four RGB-like variants of each as sites.

A variant is a folder of HTML pages with a question file as `parlance eval` reads it. Question
headings are the questions, their sections the gold (reference/quality.md, D3; RGB: Chen et al.
2024). Nothing here is committed: the pages are read where the packages put them.
"""

from __future__ import annotations

import html
import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from server.answering.words import content_words
from server.knowledge.extract import extract_page
from server.knowledge.pages import Block, ExtractedPage

FOLDERS = {
    "debian": (Path("/usr/share/doc/debian/FAQ"), "*.en.html"),
    "python": (Path("/usr/share/doc/python3.11/html/faq"), "*.html"),
}
VARIANTS = ("rejection", "hidden-headings", "distractors", "two-sections", "altered-fact")
_NUMBERING = re.compile(r"^\s*(?:\d+(?:\.\d+)*\.?|[A-Z]\.)\s+|[¶#]\s*$")
_OWN_NUMBER = re.compile(r"(?<![\w.,:/-])(\d{1,4})(?![\w.,:/%-]|\.\d)")
_LEAST_WORDS = 2
_LEAST_TEXT = 60


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the blocks below it; `page` is its file name, `heading` has no number."""

    page: str
    title: str
    anchor: str
    heading: str
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        return "\n".join(b.text for b in self.blocks)

    @property
    def is_gold(self) -> bool:
        """Whether its heading asks something that its text can answer."""
        asks = len(set(content_words(self.heading))) >= _LEAST_WORDS
        return asks and self.heading.endswith("?") and len(self.text) >= _LEAST_TEXT


@dataclass(frozen=True, slots=True)
class Question:
    """A row of a question file. `url` is a path on the variant's site; None: not answerable."""

    question: str
    urls: tuple[str, ...] = ()
    phrase: str = ""
    answer: str = ""

    def row(self, base: str) -> dict[str, object]:
        expect: dict[str, object] | None = None
        if self.urls:
            places = [f"{base}/{url}" for url in self.urls]
            expect = {"url": places[0] if len(places) == 1 else places}
            if self.phrase:
                expect["phrase"] = self.phrase
        told: dict[str, object] = {"question": self.question, "expect": expect}
        return told | ({"answer": self.answer} if self.answer else {})


@dataclass(frozen=True, slots=True)
class Variant:
    """A site and what to ask of it."""

    name: str
    sections: tuple[Section, ...]
    questions: tuple[Question, ...]

    def write(self, folder: Path) -> None:
        """Write the site's pages, with an index that links them all."""
        folder.mkdir(parents=True, exist_ok=True)
        pages: dict[str, list[Section]] = {}
        for section in self.sections:
            pages.setdefault(section.page, []).append(section)
        for name, own in pages.items():
            (folder / name).write_text(_page(own), encoding="utf-8")
        links = "".join(f'<li><a href="{html.escape(n)}">{html.escape(n)}</a></li>' for n in pages)
        (folder / "index.html").write_text(
            f"<title>Contents</title><nav><ul>{links}</ul></nav>", encoding="utf-8"
        )

    def write_questions(self, file: Path, base: str, *, most: int) -> None:
        """Write the question file; `most` of them, spread over all."""
        step = max(1, -(-len(self.questions) // most))
        chosen = self.questions[::step]
        rows = [json.dumps(q.row(base), ensure_ascii=False) for q in chosen]
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")


def sections(corpus: str) -> list[Section]:
    """All sections of a corpus, in reading order."""
    folder, pattern = FOLDERS[corpus]
    found: list[Section] = []
    for path in sorted(folder.glob(pattern)):
        if not path.name.startswith("index"):
            page = extract_page(path.read_bytes(), path.name, "text/html; charset=utf-8")
            found.extend(_sections(page, path.name))
    return found


def variant(corpus: str, name: str, *, seed: int = 7) -> Variant:
    """One of `VARIANTS` of a corpus; the seed decides which sections go."""
    own = sections(corpus)
    gold = _unique(s for s in own if s.is_gold)
    chance = random.Random(f"{corpus} {name} {seed}")
    made = _MAKERS[name](own, gold, chance, corpus)
    return replace(made, name=f"{corpus}-{name}")


_Maker = Callable[[list[Section], list[Section], random.Random, str], Variant]


def _rejection(own: list[Section], gold: list[Section], chance: random.Random, _: str) -> Variant:
    """Half of the gold sections are gone: their questions cannot be answered any more."""
    gone = set(chance.sample(range(len(gold)), len(gold) // 2))
    removed = {id(gold[n]) for n in gone}
    kept = [s for s in own if id(s) not in removed]
    asked = [
        Question(s.heading) if n in gone else Question(s.heading, (_url(s),), answer=s.text)
        for n, s in enumerate(gold)
    ]
    return Variant("", tuple(kept), tuple(asked))


def _hidden_headings(
    own: list[Section], gold: list[Section], chance: random.Random, corpus: str
) -> Variant:
    """The same, and no gold heading stands in the content: words in common cannot win alone."""
    made = _rejection(own, gold, chance, corpus)
    asked = {id(s) for s in gold}
    hidden = [
        replace(s, heading=f"Part {n}") if id(s) in asked else s
        for n, s in enumerate(made.sections, start=1)
    ]
    return replace(made, sections=tuple(hidden))


def _distractors(
    own: list[Section], gold: list[Section], chance: random.Random, corpus: str
) -> Variant:
    """The pages of all other corpora stand beside: every question has its answer still."""
    others = [
        replace(s, page=f"{name}-{s.page}")
        for name in FOLDERS
        if name != corpus
        for s in sections(name)
    ]
    asked = [Question(s.heading, (_url(s),), answer=s.text) for s in gold]
    return Variant("", (*own, *others), tuple(asked))


def _two_sections(
    own: list[Section], gold: list[Section], chance: random.Random, _: str
) -> Variant:
    """Each question joins two headings of one page, and needs both sections."""
    pages: dict[str, list[Section]] = {}
    for section in gold:
        pages.setdefault(section.page, []).append(section)
    asked = []
    for same in pages.values():
        shuffled = chance.sample(same, len(same))
        asked += [
            Question(
                f"{one.heading} {two.heading}",
                (_url(one), _url(two)),
                answer=f"{one.text}\n{two.text}",
            )
            for one, two in zip(shuffled[::2], shuffled[1::2], strict=False)
        ]
    return Variant("", tuple(own), tuple(asked))


def _altered_fact(
    own: list[Section], gold: list[Section], chance: random.Random, _: str
) -> Variant:
    """A number of each section is another one here: an answer has to follow the content.

    The questions name the sentence's other words, so that the number is what is asked for.
    """
    asked, changed = [], {}
    for section in gold:
        made = _alter(section, chance)
        if made is not None:
            changed[id(section)], question = made
            asked.append(question)
    site = [changed.get(id(s), s) for s in own]
    return Variant("", tuple(site), tuple(asked))


_MAKERS: dict[str, _Maker] = {
    "rejection": _rejection,
    "hidden-headings": _hidden_headings,
    "distractors": _distractors,
    "two-sections": _two_sections,
    "altered-fact": _altered_fact,
}


def _alter(section: Section, chance: random.Random) -> tuple[Section, Question] | None:
    for n, block in enumerate(section.blocks[:3]):
        match = _OWN_NUMBER.search(block.text)
        if block.kind == "code" or match is None:
            continue
        number = str(int(match.group(1)) + chance.randint(3, 60))
        text = block.text[: match.start()] + number + block.text[match.end() :]
        blocks = (*section.blocks[:n], replace(block, text=text), *section.blocks[n + 1 :])
        altered = replace(section, blocks=blocks)
        return altered, Question(section.heading, (_url(section),), answer=altered.text)
    return None


def _sections(page: ExtractedPage, name: str) -> Iterable[Section]:
    held: dict[tuple[tuple[str, ...], str], list[Block]] = {}
    for block in page.blocks:
        held.setdefault((block.heading_path, block.anchor), []).append(block)
    for (path, anchor), blocks in held.items():
        heading = _NUMBERING.sub("", path[-1] if path else page.title).strip()
        yield Section(name, page.title, anchor, heading, tuple(blocks))


def _unique(gold: Iterable[Section]) -> list[Section]:
    """Sections whose heading stands once: for the others no page would be the right one."""
    found: dict[str, list[Section]] = {}
    for section in gold:
        found.setdefault(section.heading.lower(), []).append(section)
    return [same[0] for same in found.values() if len(same) == 1]


def _url(section: Section) -> str:
    return f"{section.page}#{section.anchor}" if section.anchor else section.page


def _page(own: Sequence[Section]) -> str:
    title = html.escape(own[0].title)
    parts = [f"<title>{title}</title><main><h1>{title}</h1>"]
    for section in own:
        if section.heading != section.title:
            anchor = f' id="{html.escape(section.anchor)}"' if section.anchor else ""
            parts.append(f"<h2{anchor}>{html.escape(section.heading)}</h2>")
        parts += [_block(b) for b in section.blocks]
    return "\n".join([*parts, "</main>"])


def _block(block: Block) -> str:
    text = html.escape(block.text)
    if block.kind == "code":
        return f"<pre>{text}</pre>"
    if block.kind == "list":
        return f"<ul><li>{text.removeprefix('- ')}</li></ul>"
    return f"<p>{text}</p>"
