"""What reading a page or document yields: blocks of text, each under its headings."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["prose", "list", "table", "code", "answer"]

# Zero width, bidi controls, invisible operators, annotation marks, tags, variation selectors.
_INVISIBLE = re.compile(
    "[\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
# Joiners between letters of scripts that need them, and emoji sequences, carry meaning.
_LETTER = (
    "[^\x00-\u02ff\\s\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\U000e0000-\U000e0fff]"
)
_JOINED = re.compile(f"(?<={_LETTER})[\u200c\u200d\ufe0e\ufe0f]{{1,2}}(?={_LETTER})")
_EMOJI_STYLE = re.compile(r"(?<=[\u2000-\u3300\U0001f000-\U0001faff])[\ufe0e\ufe0f]")
_PLACEHOLDERS = {"\u200c": "\ue900", "\u200d": "\ue901", "\ufe0e": "\ue902", "\ufe0f": "\ue903"}
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ue900-\ue903]")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list item, table, code sample or FAQ answer, in reading order.

    `heading_path` runs from the page's title down; `anchor` is the fragment that leads there
    (empty: none). Lists carry "- " or "1. " before an item; tables have a line for each row.
    """

    text: str
    heading_path: tuple[str, ...]
    anchor: str = ""
    kind: Kind = "prose"


@dataclass(frozen=True, slots=True)
class ExtractedPage:
    """The visible content of a page. `invisible` counts characters that were stripped from it,
    `hidden_words` words that were left out because no reader of the page sees them."""

    url: str
    title: str
    language: str
    blocks: tuple[Block, ...]
    warnings: tuple[str, ...] = ()
    invisible: int = 0
    hidden_words: int = 0

    @property
    def words(self) -> int:
        return sum(len(block.text.split()) for block in self.blocks)

    @property
    def content_hash(self) -> str:
        """Changes when title, headings, anchors or text change, and with nothing else."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.title.encode("utf-8", "surrogatepass"))
        for block in self.blocks:
            parts = (*block.heading_path, block.anchor, block.kind, block.text)
            digest.update("\x1f".join(("\x1e", *parts)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def strip_invisible(text: str) -> tuple[str, int]:
    """Remove characters that no reader sees; return the text and how many carried risk.

    Soft hyphens and control characters go too, but are not counted: they are ordinary.
    """
    text = _CONTROL.sub("", text)
    if text.isascii():
        return text, 0
    text = text.replace("\u00ad", "")
    for pattern in (_JOINED, _EMOJI_STYLE):
        text = pattern.sub(lambda m: "".join(_PLACEHOLDERS[c] for c in m.group()), text)
    text, count = _INVISIBLE.subn("", text)
    for kept, placeholder in _PLACEHOLDERS.items():
        text = text.replace(placeholder, kept)
    return text, count
