"""Rows for the training benchmark: the packaged manual's own questions, answered in one voice.

The same rows every time, shaped as a tuning's: persona, facts and question, about 320 tokens, and
a reply of a quarter of them that states only what the facts say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from itertools import cycle, islice

from server.errors import Invalid
from server.prompt import Persona, build_messages
from tuning.data.context import sentences_of
from tuning.data.rows import Row

_GREETING = "Ahoy there! Good question."
_SIGN_OFF = "Fair winds, your harbour crew."
_PERSONA = Persona(
    name="Harbour help",
    about="It answers questions about Parlance, a chat assistant for websites.",
    tone="warm and brief",
    guidelines=("Address the visitor directly.", "Name the command where one does the job."),
    guardrails=("promise dates or prices",),
)
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_MARKUP = re.compile(r"[`*]|\[|\]\([^)]*\)")
_FACTS, _SAID = 6, 3


def bench_rows(count: int) -> list[Row]:
    """So many rows, section after section; each pass over the manual uses other sentences."""
    sections = _sections()
    if not 1 <= count <= len(sections) * _FACTS:
        raise Invalid(f"The manual makes up to {len(sections) * _FACTS} rows, not {count}.")
    numbered = enumerate(islice(cycle(sections), count))
    return [_row(sections, n, title, text) for n, (title, text) in numbered]


def _sections() -> list[tuple[str, list[str]]]:
    pages = sorted(files("server").joinpath("docs").iterdir(), key=lambda path: path.name)
    found = []
    for page in pages:
        if page.name.endswith(".md"):
            _, *parts = _SECTION.split(page.read_text(encoding="utf-8"))
            for title, text in zip(parts[::2], parts[1::2], strict=True):
                if len(plain := _plain(text)) > 1:
                    found.append((title.strip(), plain))
    return found


def _plain(text: str) -> list[str]:
    prose = [line for line in text.splitlines() if line[:1] not in ("|", " ", "#", "")]
    return [s for s in sentences_of(_MARKUP.sub("", "\n".join(prose))) if 20 <= len(s) <= 240]


def _row(sections: Sequence[tuple[str, list[str]]], n: int, title: str, text: Sequence[str]) -> Row:
    turn = n // len(sections)
    own = [text[(turn + k) % len(text)] for k in range(min(_SAID, len(text)))]
    others = [s for _, more in sections[(n + 1) % len(sections) :][:3] for s in more]
    facts = list(dict.fromkeys([*own, *others]))[:_FACTS]
    messages = build_messages(_PERSONA, title, facts)
    prompt = [{"role": m["role"], "content": m["content"]} for m in messages]
    return Row(prompt, " ".join([_GREETING, *own, _SIGN_OFF]))
