"""PDF to blocks. The parser runs in a child process that may use 1 GiB and 30 s of processor."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from server.errors import Invalid, Unavailable
from server.knowledge.pages import Block, ExtractedPage
from server.visible_text import strip_invisible

_CHILD = Path(__file__).with_name("pdf_child.py")
_WALL_SECONDS = 60
_BULLET = re.compile(r"(?:[•‣◦▪·–-]|\(?\d{1,3}[.)])\s")
_DIGITS = re.compile(r"\d+")
_REASONS = {
    "password": "is protected by a password",
    "broken": "is broken: no PDF reader could open it",
    "pages": "has more than 3000 pages",
}


def read_pdf(name: str, body: bytes, url: str = "") -> ExtractedPage:
    """Read the text of a PDF; each block's anchor is its page. Raise Invalid if it has none."""
    answer = _ask_child(name, body)
    if reason := answer.get("error"):
        raise Invalid(
            f"{name} {_REASONS.get(str(reason), 'cannot be read')}.",
            hint="Save it again as a PDF without protection, then add that.",
        )
    title = " ".join(str(answer.get("title") or "").split())[:200] or _stem(name)
    title = strip_invisible(title)[0] or name
    pages = [str(text).replace("\r\n", "\n").replace("\r", "\n") for text in answer["pages"]]
    blocks: list[Block] = []
    invisible = 0
    for number, lines in enumerate(_without_running_heads(pages), start=1):
        for paragraph in _paragraphs(lines):
            text, count = strip_invisible(paragraph)
            invisible += count
            if any(c.isalnum() for c in text):
                blocks.append(Block(text, (title,), f"page={number}"))
    hidden = int(answer.get("hidden", 0))
    warnings = (f"{hidden} characters that nobody can see were left out.",) if hidden > 20 else ()
    return ExtractedPage(url or name, title, "", tuple(blocks), warnings, invisible, hidden // 6)


def _ask_child(name: str, body: bytes) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_CHILD)],
            input=body,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_WALL_SECONDS,
            check=False,
            env={},
        )
        if done.returncode == 0:
            return dict(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        pass
    except OSError as error:
        raise Unavailable(f"The PDF reader could not be started: {error.strerror}.") from None
    raise Invalid(
        f"{name} took more memory or time than a document may.",
        hint="Split it, or save it again with a simpler program.",
    )


def _without_running_heads(pages: list[str]) -> list[list[str]]:
    """Drop first and last lines that most pages share, page numbers aside."""
    trimmed = [[line.strip() for line in text.split("\n")] for text in pages]
    for lines in trimmed:
        while lines and not lines[-1]:
            lines.pop()
        while lines and not lines[0]:
            lines.pop(0)
    if len(trimmed) < 3:
        return trimmed
    for end in (0, -1):
        keys = Counter(_DIGITS.sub("0", lines[end]) for lines in trimmed if lines)
        common = {key for key, count in keys.items() if count > 0.5 * len(trimmed) and key}
        for lines in trimmed:
            if lines and _DIGITS.sub("0", lines[end]) in common:
                lines.pop(end)
    return trimmed


def _paragraphs(lines: list[str]) -> list[str]:
    """Join lines into paragraphs: a blank line, a bullet or a short last line ends one."""
    longest = max((len(line) for line in lines), default=0)
    found: list[str] = []
    held = ""
    for line in lines:
        if held and (not line or _BULLET.match(line)):
            found.append(held)
            held = ""
        if not line:
            continue
        # "-" at the end of a line splits a word; pdfium marks such a hyphen with U+FFFE or U+0002.
        if held.endswith(("\ufffe", "\x02")) or (held.endswith("-") and line[0].islower()):
            held = held[:-1] + line
        else:
            held = f"{held} {line}" if held else line
        if len(line) < 0.7 * longest and line[-1] in ".!?:;。":
            found.append(held)
            held = ""
    return [*found, held] if held else found


def _stem(name: str) -> str:
    base = name.rsplit("/", 1)[-1]
    return " ".join(re.sub(r"[_-]+", " ", base.rsplit(".", 1)[0]).split())
