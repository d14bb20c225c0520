"""Files an owner adds: what they are is decided by their content, not by their name."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from server.errors import Invalid
from server.knowledge.extract import decode, extract_page
from server.knowledge.pages import Block, ExtractedPage
from server.knowledge.pdf import read_pdf
from server.visible_text import strip_invisible

MOST_BYTES = 50_000_000
_GIANT = 10_000  # characters of a paragraph
_MARKDOWN_NAMES = (".md", ".markdown", ".mdown", ".mkd", ".mdx")
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]{0,300}>\s*)?(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b",
    re.I | re.S,
)
_MARKDOWN_SIGN = re.compile(r"^(?:#{1,6} \S|```|~~~|\[[^\]]{1,80}\]: )", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,5000}?)\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:\s*[\"']?(.{1,200}?)[\"']?\s*$", re.MULTILINE)
_KINDS = {
    b"PK\x03\x04": "a zip or Office file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"MZ": "a program",
    b"\x7fELF": "a program",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"RIFF": "a media file",
    b"\x1f\x8b": "a compressed file",
    b"SQLite format 3": "a database",
    b"GGUF": "a model file",
}


def read_document(name: str, body: bytes, *, url: str = "") -> ExtractedPage:
    """Read Markdown, HTML, PDF or plain text. Raise Invalid with the reason if it is none.

    `url` is what citations lead to; anchors of a PDF are "page=3".
    """
    shown = strip_invisible(name.replace("\n", " ").replace("\r", " "))[0][:120] or "The file"
    if not body.strip(b"\x00\r\n\t "):
        raise Invalid(f"{shown} is empty.", hint="Choose a file with text in it.")
    if len(body) > MOST_BYTES:
        raise Invalid(f"{shown} is larger than {MOST_BYTES // 1_000_000} MB.", hint="Split it.")
    page = _read(shown, body, url)
    if not page.blocks:
        raise Invalid(f"There is no text in {shown}.", hint="A scan needs text recognition first.")
    return page


def slug(heading: str) -> str:
    """The anchor of a heading: lower case, blanks to hyphens, punctuation dropped."""
    kept = re.sub(r"[^\w\s-]", "", heading.lower())
    return re.sub(r"\s", "-", kept.strip())


def _read(name: str, body: bytes, url: str) -> ExtractedPage:
    if b"%PDF-" in body[:1024]:
        return read_pdf(name, body, url)
    for start, kind in _KINDS.items():
        if body.startswith(start):
            raise _unreadable(name, kind)
    text = decode(body)
    if "\x00" in text[:10_000]:
        raise _unreadable(name, "a binary file")
    if _HTML_START.match(text[:4000]):
        return extract_page(body, url or name)
    if name.lower().endswith(_MARKDOWN_NAMES) or _MARKDOWN_SIGN.search(text[:20_000]):
        return read_markdown(name, text, url)
    return _read_text(name, text, url)


def _unreadable(name: str, kind: str) -> Invalid:
    return Invalid(
        f"{name} is {kind}, which cannot be read.",
        hint="Use HTML, Markdown, plain text or PDF; Office files can be saved as PDF.",
    )


def read_markdown(name: str, text: str, url: str = "") -> ExtractedPage:
    """Read Markdown as the page it renders to, with anchors like those of our own manual."""
    text = text.replace("\r\n", "\n").replace("\ufeff", "")
    title = ""
    if front := _FRONT_MATTER.match(text):
        found = _FRONT_TITLE.search(front.group(1))
        title = strip_invisible(found.group(1))[0] if found else ""
        text = text[front.end() :]
    page = extract_page(_render(text).encode("utf-8", "replace"), url or name)
    if title and page.title == (url or name).rsplit("/", 1)[-1]:
        return _retitled(page, title)
    return page


def _render(text: str) -> str:
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    markdown.core.ruler.before("inline", "giants", _leave_giants_plain)
    tokens = markdown.parse(text)
    seen: dict[str, int] = {}
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            _give_anchor(token, following, seen)
    rendered = markdown.renderer.render(tokens, markdown.options, {})
    return f"<html><body><main>{rendered}</main></body></html>"


def _leave_giants_plain(state: StateCore) -> None:
    """Emphasis and links of one paragraph cost more than its length; no person writes so much."""
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > _GIANT:
            token.type = "text"


def _give_anchor(opening: Token, inline: Token, seen: dict[str, int]) -> None:
    spoken = "".join(t.content for t in inline.children or () if t.type in {"text", "code_inline"})
    anchor = slug(spoken)
    count = seen.get(anchor, 0)
    seen[anchor] = count + 1
    opening.attrSet("id", f"{anchor}-{count}" if count else anchor)


def _retitled(page: ExtractedPage, title: str) -> ExtractedPage:
    blocks = tuple(replace(b, heading_path=(title, *b.heading_path[1:])) for b in page.blocks)
    return replace(page, title=title, blocks=blocks)


def _read_text(name: str, text: str, url: str) -> ExtractedPage:
    text, invisible = strip_invisible(text.replace("\r\n", "\n").replace("\r", "\n"))
    title = _stem(name)
    paragraphs = map(join_lines, re.split(r"\n[ \t]*\n", text))
    blocks = tuple(Block(p, (title,)) for p in paragraphs if any(c.isalnum() for c in p))
    return ExtractedPage(url or name, title, "", blocks, invisible=invisible)


def join_lines(paragraph: str) -> str:
    """Undo soft wrapping; lines that begin with a list marker stay lines."""
    joined = ""
    for raw in paragraph.split("\n"):
        line = " ".join(raw.split())
        if not line:
            continue
        breaks = re.match(r"(?:[-*•]|\d{1,3}[.)])\s", line)
        joined += ("\n" if breaks else " ") + line if joined else line
    return joined


def _stem(name: str) -> str:
    base = name.rsplit("/", 1)[-1]
    stem = base.rsplit(".", 1)[0] or base
    return " ".join(re.sub(r"[_-]+", " ", stem).split()) or name
