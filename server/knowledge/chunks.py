"""Blocks to passages: cut at sentences and sections, sized for the embedding model.

The model reads 256 word pieces, headings included, so sizes are estimated in word pieces.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from server.knowledge.pages import Block
from server.knowledge.sentences import Span, split_sentences

_TARGET = 180  # word pieces, about 140 words of English
_MOST = 230
_TINY = 48  # about 40 words
_LONGEST = 1600  # characters of one sentence; what is longer is no sentence
_TOKEN = re.compile(r"[a-zA-Z]+|[^\W\d_a-zA-Z]|\d{1,3}|[^\w\s]|_")
_BLANKS = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage-to-be. `sentences` are offsets in `text`; headings stand in `heading_path` only.

    `hash` is stable: it depends on text and headings, not on place or time.
    """

    ordinal: int
    heading_path: tuple[str, ...]
    anchor: str
    text: str
    sentences: tuple[Span, ...]
    hash: str


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a sentence, or some lines of code; `lead` joins it on."""

    lead: str
    text: str
    spans: tuple[Span, ...]
    size: int
    opens: bool


@dataclass(frozen=True, slots=True)
class _Section:
    heading_path: tuple[str, ...]
    anchor: str
    units: tuple[_Unit, ...]
    size: int
    mergeable: bool


def chunk_blocks(blocks: Sequence[Block]) -> tuple[Chunk, ...]:
    """Cut the blocks of one page. All their text is in exactly one chunk, in order."""
    chunks: list[Chunk] = []
    for section in _merge_tiny(_sections(blocks)):
        for units in _pack(section):
            chunks.append(_chunk(len(chunks), section, units))
    return tuple(chunks)


def estimate_size(text: str) -> int:
    """Estimate word pieces: long words cost several, scripts without blanks one a character."""
    return sum(map(_pieces_of, _TOKEN.findall(text)))


def _pieces_of(token: str) -> int:
    return 1 + (len(token) - 1) // 7


def _sections(blocks: Sequence[Block]) -> Iterator[_Section]:
    for (path, anchor), group in groupby(blocks, key=lambda b: (b.heading_path, b.anchor)):
        members = list(group)
        units = tuple(_units(members))
        if units:
            # A question is what visitors ask: it keeps a passage, and an anchor, of its own.
            asked = members[0].kind == "answer" or bool(path and path[-1].endswith("?"))
            size = sum(u.size for u in units)
            yield _Section(path, anchor, units, size, not asked and size < _TINY and len(path) > 1)


def _merge_tiny(sections: Iterator[_Section]) -> Iterator[_Section]:
    """Join neighbours under one parent that are too small to be found alone."""
    held: list[_Section] = []
    for section in sections:
        if held and not _joins(held, section):
            yield _joined(held)
            held = []
        held.append(section)
    if held:
        yield _joined(held)


def _joins(held: list[_Section], section: _Section) -> bool:
    return (
        held[-1].mergeable
        and section.mergeable
        and held[-1].heading_path[:-1] == section.heading_path[:-1]
        and sum(s.size + 8 for s in held) + section.size <= _TARGET
    )


def _joined(held: list[_Section]) -> _Section:
    if len(held) == 1:
        return held[0]
    units: list[_Unit] = []
    for section in held:
        # Here the headings tell the parts apart, so they become lines of the text.
        heading = section.heading_path[-1]
        units.append(_Unit("\n\n", heading, ((0, len(heading)),), estimate_size(heading), True))
        units.append(replace(section.units[0], lead="\n"))
        units.extend(section.units[1:])
    first = held[0]
    size = sum(u.size for u in units)
    return _Section(first.heading_path[:-1], first.anchor, tuple(units), size, False)


def _pack(section: _Section) -> Iterator[list[_Unit]]:
    """Deal the units into chunks of about equal size; a block border is the better cut."""
    if section.size <= _MOST:
        yield list(section.units)
        return
    left = section.size
    ideal = _ideal(left)
    held: list[_Unit] = []
    size = 0
    for unit in section.units:
        full = size + unit.size > _MOST or size >= ideal
        good_border = unit.opens and size >= 0.7 * ideal and size + unit.size > ideal
        if held and (full or good_border) and not size + left <= _MOST:
            yield held
            ideal = _ideal(left)
            held, size = [], 0
        held.append(unit)
        size += unit.size
        left -= unit.size
    yield held


def _ideal(size: int) -> float:
    return size / -(-size // _TARGET)


def _chunk(ordinal: int, section: _Section, units: list[_Unit]) -> Chunk:
    parts: list[str] = []
    spans: list[Span] = []
    length = 0
    for unit in units:
        lead = unit.lead if parts else ""
        offset = length + len(lead)
        parts.append(lead + unit.text)
        spans.extend((start + offset, end + offset) for start, end in unit.spans)
        length += len(parts[-1])
    text = "".join(parts)
    keyed = "\x1f".join((*section.heading_path, "\x1e", text))
    digest = hashlib.blake2b(keyed.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return Chunk(ordinal, section.heading_path, section.anchor, text, tuple(spans), digest)


def _units(blocks: Sequence[Block]) -> Iterator[_Unit]:
    for block in blocks:
        lead = "\n" if block.kind == "list" else "\n\n"
        opens = True
        for text, spans in _pieces(block):
            # The blanks between two sentences lead the second one, so nothing is lost or doubled.
            body = text.lstrip()
            gap = lead if opens else text[: len(text) - len(body)]
            cut = len(text) - len(body)
            shifted = tuple((start - cut, end - cut) for start, end in spans)
            yield _Unit(gap, body, shifted, estimate_size(body), opens)
            opens = False


def _pieces(block: Block) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Yield (text, sentence spans) that together spell the block."""
    text = block.text.strip("\n")
    if block.kind == "code":
        yield from _code_pieces(text)
        return
    begin = 0
    spans = split_sentences(text)
    for index, (start, end) in enumerate(spans):
        stop = len(text) if index == len(spans) - 1 else end
        # A list marker between two sentences belongs to the second.
        yield from _bounded(text, begin, start, stop)
        begin = stop


def _bounded(
    text: str, begin: int, start: int, stop: int
) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Yield a sentence; one that no chunk could hold is cut at blanks, or anywhere."""
    while stop - start > _LONGEST or estimate_size(text[start:stop]) > _MOST:
        cut = _cut(text, start)
        yield text[begin:cut], ((start - begin, cut - begin),)
        begin = cut
        blanks = _BLANKS.match(text, cut, stop)
        start = blanks.end() if blanks else cut
    yield text[begin:stop], ((start - begin, len(text[begin:stop].rstrip())),)


def _cut(text: str, start: int) -> int:
    """Where a chunk's worth of text from `start` ends; short of what made the caller cut."""
    size = 0
    end = start
    for token in _TOKEN.finditer(text, start, start + _LONGEST):
        size += _pieces_of(token.group())
        if size > _TARGET and end > start:
            break
        end = token.end()
    blank = text.rfind(" ", (start + end) // 2, end)
    return blank if blank > 0 else end if end > start else start + _LONGEST


def _code_pieces(text: str) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Group lines of code: commands that belong together are quoted together."""
    lines = text.split("\n")
    held = ""
    size = 0
    for index, line in enumerate(lines):
        line_size = estimate_size(line)
        ended = (not line.strip() and size > _TINY) or size + line_size > _TINY * 2
        if held.strip() and ended:
            yield from _bounded_code(held)
            held, size = "", 0
        held += ("\n" if index else "") + line
        size += line_size
    if held.strip():
        yield from _bounded_code(held)


def _bounded_code(held: str) -> Iterator[tuple[str, tuple[Span, ...]]]:
    start = len(held) - len(held.lstrip())
    yield from _bounded(held, 0, start, len(held))
