"""Question and answer pairs from CSV, JSON or JSONL, told apart by their content."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from server.errors import Invalid
from server.knowledge.extract import decode
from server.knowledge.pages import Block, ExtractedPage
from server.visible_text import strip_invisible

MOST_PAIRS = 20_000
_MOST_BYTES = 20_000_000
_LONGEST_QUESTION = 1_000
_LONGEST_ANSWER = 20_000
_QUESTION_NAMES = ("question", "q", "prompt", "title", "name")
_ANSWER_NAMES = ("answer", "a", "reply", "response", "text", "acceptedanswer")
_URL_NAMES = ("url", "link", "source", "href")
_HINT = 'Use columns "question" and "answer", or JSON objects with these names.'


@dataclass(frozen=True, slots=True)
class FaqPair:
    """A question with the owner's answer; `url` is where a citation may lead."""

    question: str
    answer: str
    url: str | None = None


def read_faq(name: str, body: bytes) -> tuple[FaqPair, ...]:
    """Read all pairs. Raise Invalid naming the first row that cannot be used."""
    if len(body) > _MOST_BYTES:
        raise Invalid(f"{name} is larger than {_MOST_BYTES // 1_000_000} MB.", hint="Split it.")
    text = decode(body).lstrip("\ufeff").strip()
    if not text or "\x00" in text:
        raise Invalid(f"{name} holds no questions.", hint=_HINT)
    rows = _json_rows(name, text) if text[0] in "[{" else _csv_rows(name, text)
    pairs: dict[FaqPair, None] = {}
    for number, question, answer, url in rows:
        pairs[_pair(name, number, question, answer, url)] = None
        if len(pairs) > MOST_PAIRS:
            raise Invalid(f"{name} holds more than {MOST_PAIRS} pairs.", hint="Split it.")
    if not pairs:
        raise Invalid(f"{name} holds no questions.", hint=_HINT)
    return tuple(pairs)


def faq_page(name: str, pairs: tuple[FaqPair, ...], *, url: str = "") -> ExtractedPage:
    """The pairs as a page: each question is a heading, so each answer becomes a passage."""
    blocks = tuple(Block(p.answer, (p.question,), "", "answer") for p in pairs)
    return ExtractedPage(url or name, strip_invisible(name)[0] or "FAQ", "", blocks)


_Row = tuple[int, str, str, str]


def _pair(name: str, number: int, question: str, answer: str, url: str) -> FaqPair:
    question = " ".join(strip_invisible(question)[0].split())
    answer = strip_invisible(answer.replace("\r\n", "\n"))[0].strip()
    for label, value, most in (
        ("question", question, _LONGEST_QUESTION),
        ("answer", answer, _LONGEST_ANSWER),
    ):
        if not value:
            raise Invalid(f"Row {number} of {name} has no {label}.", hint=_HINT)
        if len(value) > most:
            raise Invalid(
                f"The {label} in row {number} of {name} is longer than {most} characters."
            )
    link = url.strip()
    return FaqPair(question, answer, link if link.startswith(("http://", "https://")) else None)


def _csv_rows(name: str, text: str) -> Iterator[_Row]:
    # A field may be as long as an answer; the module's own default would stop earlier or later.
    csv.field_size_limit(_MOST_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=False)
    columns: tuple[int, int, int | None] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _header(cells)
                if columns is not None:
                    continue
                columns = (0, 1, None)
            yield _csv_row(name, reader.line_num, cells, columns)
    except csv.Error as error:
        raise Invalid(
            f"Line {reader.line_num} of {name} is not CSV: {error}.", hint=_HINT
        ) from None


def _csv_row(name: str, line: int, cells: list[str], columns: tuple[int, int, int | None]) -> _Row:
    question, answer, url = columns
    if len(cells) <= max(question, answer):
        raise Invalid(f"Row {line} of {name} has no answer.", hint=_HINT)
    link = cells[url] if url is not None and url < len(cells) else ""
    return line, cells[question], cells[answer], link


def _delimiter(text: str) -> str:
    """The separator that cuts most of the first lines into the same number of cells, above one."""
    lines = text[:50_000].split("\n")[:50]
    best, best_score = ",", 0
    for candidate in (",", ";", "\t", "|"):
        widths = [len(row) for row in csv.reader(lines, delimiter=candidate) if row]
        score = max((widths.count(w) for w in set(widths) if w > 1), default=0)
        if score > best_score:
            best, best_score = candidate, score
    return best


def _header(cells: list[str]) -> tuple[int, int, int | None] | None:
    names = [cell.strip().lower() for cell in cells]
    question = next((names.index(n) for n in _QUESTION_NAMES if n in names), None)
    answer = next((names.index(n) for n in _ANSWER_NAMES if n in names), None)
    if question is None or answer is None:
        return None
    return question, answer, next((names.index(n) for n in _URL_NAMES if n in names), None)


def _json_rows(name: str, text: str) -> Iterator[_Row]:
    try:
        whole = json.loads(text)
    except RecursionError:
        raise Invalid(f"{name} is nested too deeply.", hint=_HINT) from None
    except ValueError:
        yield from _jsonl_rows(name, text)
        return
    items = whole if isinstance(whole, list) else _listed(whole)
    for number, item in enumerate(items, start=1):
        yield _json_row(name, number, item)


def _listed(whole: object) -> list[object]:
    """An object is one pair, a holder of pairs, or a mapping of questions to answers."""
    if not isinstance(whole, Mapping):
        return [whole]
    for key in ("faq", "faqs", "pairs", "items", "questions", "data", "mainEntity"):
        if isinstance(whole.get(key), list):
            return list(whole[key])
    lower = {str(key).lower() for key in whole}
    if lower & set(_QUESTION_NAMES) and lower & set(_ANSWER_NAMES):
        return [whole]
    return [{"question": key, "answer": value} for key, value in whole.items()]


def _jsonl_rows(name: str, text: str) -> Iterator[_Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            raise Invalid(f"Row {number} of {name} is not JSON.", hint=_HINT) from None
        yield _json_row(name, number, item)


def _json_row(name: str, number: int, item: object) -> _Row:
    if isinstance(item, Mapping):
        fields = {str(key).lower(): value for key, value in item.items()}
        question, answer, url = (
            _field(fields, names) for names in (_QUESTION_NAMES, _ANSWER_NAMES, _URL_NAMES)
        )
        return number, question, answer, url
    if isinstance(item, list) and len(item) >= 2 and all(isinstance(x, str) for x in item[:2]):
        return number, item[0], item[1], ""
    raise Invalid(f"Row {number} of {name} is not a question with an answer.", hint=_HINT)


def _field(fields: Mapping[str, object], names: tuple[str, ...]) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, Mapping):  # schema.org: {"acceptedAnswer": {"text": ...}}
            value = value.get("text")
        if isinstance(value, str):
            return value
    return ""
