"""Sentence borders, as (start, end) offsets into the text. Used at ingestion and in grounding.

Rules, not a model: the same text gives the same sentences everywhere, in linear time.
A line break always ends a sentence, since extraction has joined soft-wrapped lines before.
"""

from __future__ import annotations

import re

Span = tuple[int, int]

# A run of closing marks with what may follow it before the next sentence.
# Possessive and anchored at the first mark: a million dots must not be tried a million times.
_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"')\]”’»*_]{0,4}+(?=\s|$)|[。！？｡．।؟۔።]++[」』”’）)\"]{0,4}+"
)
_LINE = re.compile(r"[^\n\r\v\f\u0085\u2028\u2029]+")
_MARKER = re.compile(r"\s{0,20}(?:[-*•‣◦·–—]|\(?(?:\d{1,3}[.)]|[a-zA-Z]\)))(?:\s+|$)")
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘]{1,24}$")
_NEXT = re.compile(r"\s*[\"'“‘(\[*_«¿¡]{0,3}(\S)")
_NEVER_LAST = frozenset(
    "mr mrs ms dr prof st gen col sgt capt lt rev hon pres gov sen rep mt messrs mme mlle "
    "e.g i.e eg ie vs cf viz al approx ca resp esp incl excl fig figs eq eqs sec ch chap "
    "vol pp ed eds nos tel ext dept est min max avg temp no art par".split()
)
_MAYBE_LAST = frozenset(
    "etc inc ltd co corp jr sr bros a.m p.m u.s u.k u.n e.u ph.d b.sc m.sc d.c jan feb mar apr "
    "jun jul aug sep sept oct nov dec".split()
)


def split_sentences(text: str) -> tuple[Span, ...]:
    """Spans of sentences in order: not empty, not overlapping, without surrounding blanks.

    Markers of list items ("- ", "2. ") at the start of a line belong to no sentence.
    """
    spans: list[Span] = []
    for line in _LINE.finditer(text):
        spans.extend(_split_line(text, line.start(), line.end()))
    return tuple(spans)


def _split_line(text: str, start: int, end: int) -> list[Span]:
    marker = _MARKER.match(text, start, end)
    begin = marker.end() if marker and marker.end() < end else start
    spans: list[Span] = []
    for mark in _END.finditer(text, begin, end):
        if _ends_sentence(text, mark, begin, end):
            _append(spans, text, begin, mark.end())
            begin = mark.end()
    _append(spans, text, begin, end)
    return spans


def _append(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    lead = len(piece) - len(piece.lstrip())
    stop = start + len(piece.rstrip())
    if start + lead >= stop:
        return
    if spans and not any(c.isalnum() for c in piece):
        # ". . ." and stray marks end the sentence before; alone they would say nothing.
        spans[-1] = (spans[-1][0], stop)
    else:
        spans.append((start + lead, stop))


def _ends_sentence(text: str, mark: re.Match[str], begin: int, end: int) -> bool:
    if mark.end() >= end:
        return True
    marks = mark.group()
    if marks[0] not in ".!?…":
        return True
    following = _NEXT.match(text, mark.end(), end)
    if following is None:
        return True
    first = following.group(1)
    # "Yahoo! is", "e.g. this", "Node.js vs. that": a sentence does not begin in lower case.
    if first.islower():
        return False
    if marks[0] != "." or marks.startswith(".."):
        return True
    return not _is_abbreviation(text, mark.start(), begin, first)


def _is_abbreviation(text: str, dot: int, begin: int, first: str) -> bool:
    before = _WORD_BEFORE.search(text[max(begin, dot - 24) : dot])
    if before is None:
        return False
    word = before.group()
    lower = word.lower()
    if lower in _NEVER_LAST:
        # "No. 5" is a number, "The answer is no. Then" ends.
        return lower not in {"no", "par", "art", "min", "max", "ed"} or first.isdigit()
    if lower in _MAYBE_LAST:
        return first.isdigit() or not first.isalpha()
    if len(word) == 1 and word.isalpha():
        # "J. Smith" and "p. 5", but "vitamin C. It" ends.
        return first.isdigit() if word.islower() else _is_initial(text, dot, begin)
    return False


def _is_initial(text: str, dot: int, begin: int) -> bool:
    before = _WORD_BEFORE.search(text[max(begin, dot - 26) : dot - 1].rstrip())
    return before is None or before.group()[0].isupper()
