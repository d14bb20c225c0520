"""The walk through content markup that yields blocks, headings and anchors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import dedent

from lxml import etree
from lxml.html import HtmlElement

from server.knowledge.pages import Block, Kind
from server.knowledge.tables import CODE_TABLE, is_layout, one_line, table_rows
from server.visible_text import strip_invisible

_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption "
    "figure footer form header hr html legend li main menu ol p section summary table tbody td "
    "tfoot th thead tr ul pre option optgroup".split()
)
_NUMBERING = re.compile(
    r"^(?:(?:chapter|appendix|section)\s+[\dA-Z]+[.:]|\d+(?:\.\d+)+\.)\s+", re.I
)
_CHAPTER_NUMBER = re.compile(r"^\d{1,2}\.\s+(?=\S)")
_PERMALINK = re.compile(r"\s*[¶§#🔗]+\s*$")
_BLANKS = re.compile(r"[^\S\v]+")
_TERM_LEVEL = 10


@dataclass(frozen=True, slots=True)
class Found:
    """The blocks of a page, its first main heading (empty: none), invisible characters removed."""

    title: str
    blocks: tuple[Block, ...]
    invisible: int


def read_blocks(content: HtmlElement) -> Found:
    """Read the content in document order."""
    walk = _Walk()
    walk.through(content)
    return Found(walk.title, tuple(walk.blocks), walk.invisible)


@dataclass(slots=True)
class _Heading:
    level: int
    text: str
    anchor: str


@dataclass(slots=True)
class _Walk:
    title: str = ""
    blocks: list[Block] = field(default_factory=list)
    invisible: int = 0
    headings: list[_Heading] = field(default_factory=list)
    buffer: list[str] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    marker: str = ""
    term: str = ""
    depth: int = 0
    pending_anchor: str = ""

    def through(self, content: HtmlElement) -> None:
        walk = etree.iterwalk(content, events=("start", "end"))
        for event, element in walk:
            if not isinstance(element.tag, str):
                continue
            if event == "start":
                if self._begin(element):
                    walk.skip_subtree()
                    self._skipped(element)
                else:
                    self.buffer.append(element.text or "")
            else:
                self._finish(element)
                if element is not content:
                    self.buffer.append(element.tail or "")
        self._flush()

    def _begin(self, element: HtmlElement) -> bool:
        """Enter an element; True: its subtree is read as a whole by `_skipped`."""
        tag = element.tag
        if tag == "br":
            self.buffer.append("\v")
            return False
        if tag in _BLOCKS or tag in _HEADINGS:
            self._flush()
        if tag in {"ul", "ol", "menu"}:
            self.lists.append(_first_number(element) if tag == "ol" else 0)
        elif tag == "li":
            self._begin_item()
        elif tag in {"dl", "details"}:
            self.depth += 1
        elif tag in {"a", "span"}:
            self._note_anchor(element)
        return (
            tag in _HEADINGS
            or tag in {"pre", "summary"}
            or (tag == "dt" and bool(_own_anchor(element)))
            or (tag == "table" and not is_layout(element))
        )

    def _skipped(self, element: HtmlElement) -> None:
        tag = str(element.tag)
        if tag in _HEADINGS:
            self._heading(_HEADINGS[tag], element)
        elif tag in {"dt", "summary"}:
            self._heading(_TERM_LEVEL + self.depth, element)
        elif tag == "pre":
            self._emit(_code(element), "code")
        else:
            self._table(element)

    def _finish(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag == "dt" and not _own_anchor(element):
            self.term = one_line("".join(self.buffer))
            self.buffer.clear()
        elif tag in _BLOCKS:
            self._flush()
        if tag in {"ul", "ol", "menu"} and self.lists:
            self.lists.pop()
        elif tag == "li":
            self.marker = ""
        elif tag in {"dl", "details"}:
            self._flush_term()
            # The terms of this list are headings for its own entries only.
            self.headings = [h for h in self.headings if h.level < _TERM_LEVEL + self.depth]
            self.depth -= 1

    def _begin_item(self) -> None:
        if self.lists and self.lists[-1]:
            self.marker = f"{self.lists[-1]}. "
            self.lists[-1] += 1
        else:
            self.marker = "- "

    def _note_anchor(self, element: HtmlElement) -> None:
        # An empty <a name> before a heading is how older tools mark a section.
        anchor = element.get("id") or element.get("name") or ""
        if anchor and not (element.text or "").strip() and len(element) == 0:
            self.pending_anchor = anchor

    def _heading(self, level: int, element: HtmlElement) -> None:
        text, count = strip_invisible(_heading_text(element))
        if level == 1:
            text = _CHAPTER_NUMBER.sub("", text)
        self.invisible += count
        anchor = _heading_anchor(element) or self.pending_anchor
        self.pending_anchor = ""
        if not text:
            return
        while self.headings and self.headings[-1].level >= level:
            self.headings.pop()
        if not self.title and level <= 2 and not self.headings and not self.blocks:
            self.title = text
        if level >= _TERM_LEVEL and not anchor and self.headings:
            anchor = self.headings[-1].anchor
        self.headings.append(_Heading(level, text, anchor))

    def _flush(self) -> None:
        raw = "".join(self.buffer)
        self.buffer.clear()
        if raw.isspace() or not raw:
            return
        self.pending_anchor = ""
        for paragraph in _paragraphs(raw):
            self._prose(paragraph)

    def _prose(self, text: str) -> None:
        if self.term:
            text, self.term = f"{self.term}: {text}", ""
        if self.lists:
            self._emit(self.marker + text, "list")
            self.marker = ""
        else:
            self._emit(text, "prose")

    def _flush_term(self) -> None:
        if self.term:
            term, self.term = self.term, ""
            self._emit(term, "prose")

    def _table(self, table: HtmlElement) -> None:
        if CODE_TABLE.search(table.get("class", "")):
            for sample in table.iter("pre"):
                self._emit(_code(sample), "code")
        else:
            self._emit("\n".join(table_rows(table)), "table")

    def _emit(self, text: str, kind: Kind) -> None:
        text, count = strip_invisible(text)
        self.invisible += count
        if not any(c.isalnum() for c in text):
            return
        anchor = next((h.anchor for h in reversed(self.headings) if h.anchor), "")
        path = tuple(h.text for h in self.headings)
        if self.title and (not path or path[0] != self.title):
            path = (self.title, *path)
        self.blocks.append(Block(text, path, anchor, kind))


def _paragraphs(raw: str) -> Iterator[str]:
    """Split at double line breaks; keep a single one where a new line seems meant."""
    text = _BLANKS.sub(" ", raw)
    for part in re.split(r"(?:\v ?){2,}", text):
        lines = [line.strip() for line in part.split("\v")]
        joined = ""
        for line in filter(None, lines):
            joined += (" " if line[0].islower() else "\n") + line if joined else line
        if joined:
            yield joined


def _first_number(element: HtmlElement) -> int:
    start = element.get("start", "1")
    return int(start) if start.isdigit() and len(start) < 6 and int(start) else 1


def _heading_text(element: HtmlElement) -> str:
    text = one_line("".join(element.itertext()))
    return _NUMBERING.sub("", _PERMALINK.sub("", text))[:300].strip()


def _own_anchor(element: HtmlElement) -> str:
    if anchor := element.get("id"):
        return str(anchor)
    for mark in element.iter("a", "span"):
        if anchor := mark.get("id") or mark.get("name"):
            return str(anchor)
    return ""


def _heading_anchor(element: HtmlElement) -> str:
    """The heading's own anchor, or that of the section it opens."""
    if element.tag == "summary":
        parent = element.getparent()
        return _own_anchor(element) or (parent.get("id", "") if parent is not None else "")
    # A contents list points at the section; `id2` on the back link points at the contents.
    parent = element.getparent()
    if element.get("id"):
        return str(element.get("id"))
    if parent is not None and parent.get("id") and _opens(parent, element):
        return str(parent.get("id"))
    return _own_anchor(element)


def _opens(parent: HtmlElement, element: HtmlElement) -> bool:
    """Whether nothing but empty marks stands in the parent before the element."""
    if parent.tag not in {"section", "div", "article", "header", "li"}:
        return False
    before = element.getprevious()
    while before is not None:
        if "".join(before.itertext()).strip():
            return False
        before = before.getprevious()
    return True


def _code(element: HtmlElement) -> str:
    lines = "".join(element.itertext()).replace("\r\n", "\n").expandtabs(4).split("\n")
    return dedent("\n".join(line.rstrip() for line in lines)).strip("\n")
