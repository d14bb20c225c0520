"""Tables in markup: which hold facts and which only place things, and how rows read as text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

CODE_TABLE = re.compile(r"highlight|code|rouge|lntable")
_BLANKS = re.compile(r"\s+")


def is_layout(table: HtmlElement) -> bool:
    """A table that only places things: it holds tables, headings or lists, or has one cell."""
    if table.get("role", "").lower() in {"presentation", "none"}:
        return True
    if CODE_TABLE.search(table.get("class", "")):
        return False
    inner = table.iter("table", "h1", "h2", "h3", "ul", "ol", "pre", "dl")
    cells = [cell for cell, _ in zip(table.iter("td", "th"), range(2), strict=False)]
    return any(el is not table for el in inner) or len(cells) < 2


def table_rows(table: HtmlElement) -> Iterator[str]:
    """Tell a table row by row: with the columns' names where it has them."""
    names: list[str] = []
    for row in table.iter("tr"):
        cells = [c for c in row if c.tag in {"td", "th"}]
        texts = [one_line("".join(c.itertext())) for c in cells]
        if not names and cells and all(c.tag == "th" for c in cells):
            names = texts
        elif any(texts):
            yield _row(texts, names)
    if names and len(list(table.iter("tr"))) == 1:
        yield " | ".join(names)


def _row(texts: list[str], names: list[str]) -> str:
    if len(names) != len(texts):
        return " | ".join(filter(None, texts))
    return "; ".join(
        f"{name}: {text}" if name else text for name, text in zip(names, texts, strict=True) if text
    )


def one_line(raw: str) -> str:
    """Text with each run of blanks made one blank."""
    return _BLANKS.sub(" ", raw).strip()
