"""What reading a page or document yields: blocks of text, each under its headings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["prose", "list", "table", "code", "answer"]


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
