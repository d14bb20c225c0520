"""HTML to blocks: text in reading order, each with its headings and the anchor that leads there.

What is visible and what is content is decided in `server.knowledge.visible`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from charset_normalizer import from_bytes
from lxml import etree, html
from lxml.html import HtmlElement

from server.errors import Invalid
from server.knowledge.blocks import read_blocks
from server.knowledge.pages import ExtractedPage
from server.knowledge.visible import main_content, prune_boilerplate, prune_hidden
from server.visible_text import strip_invisible

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_PROLOG = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")
_TITLE_SUFFIX = re.compile(r"\s+[—–|·»-]\s+[^—–|·»]{1,80}$")
_FEW_WORDS = 30
_MUCH_MARKUP = 4_000


def extract_page(body: bytes, url: str, content_type: str = "") -> ExtractedPage:
    """Read an HTML page. Raise Invalid if there is no document in it."""
    return extract_tree(parse_html(body, content_type), url, size=len(body))


def parse_html(body: bytes, content_type: str = "") -> HtmlElement:
    """Parse bytes as browsers do: any markup gives a tree; nothing is fetched or expanded."""
    text = _PROLOG.sub("", decode(body, content_type)).replace("\x00", "")
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:
        raise Invalid("The page is empty.", hint="Check that the address shows text.") from None


def decode(body: bytes, content_type: str = "") -> str:
    """Decode by byte order mark, declared charset, UTF-8, then by statistics; never fail."""
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body.decode(encoding, "replace")
    declared = _HEADER_CHARSET.search(content_type)
    in_markup = _META_CHARSET.search(body[:4096])
    names = [declared.group(1)] if declared else []
    names += [in_markup.group(1).decode("ascii", "replace")] if in_markup else []
    for name in (*names, "utf-8"):
        try:
            return body.decode(name)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    best = from_bytes(body[:50_000]).best()
    return body.decode(best.encoding if best else "utf-8", "replace")


def extract_tree(tree: HtmlElement, url: str, *, size: int = 0) -> ExtractedPage:
    """Read a parsed page. The tree is used up: take links from it before."""
    language = _language(tree)
    head_title = _head_title(tree)
    hidden_words = prune_hidden(tree)
    prune_boilerplate(tree)
    found = read_blocks(main_content(tree))
    title, in_title = strip_invisible(found.title or head_title or _last_segment(url))
    blocks = found.blocks
    if not found.title:
        # Text without a heading still says what it is about.
        blocks = tuple(replace(b, heading_path=(title, *b.heading_path)) for b in blocks)
    page = ExtractedPage(
        url,
        title,
        language,
        blocks,
        invisible=found.invisible + in_title,
        hidden_words=hidden_words,
    )
    return replace(page, warnings=_warnings(page, size))


def _warnings(page: ExtractedPage, size: int) -> tuple[str, ...]:
    found: list[str] = []
    if page.words < _FEW_WORDS and size > _MUCH_MARKUP:
        found.append(
            f"Only {page.words} words in {size // 1000} kB: the page may need JavaScript to show."
        )
    if page.hidden_words > 20:
        found.append(f"{page.hidden_words} words that visitors cannot see were left out.")
    if page.invisible > 3:
        found.append(f"{page.invisible} invisible characters were removed.")
    return tuple(found)


def _language(tree: HtmlElement) -> str:
    for name in ("lang", "{http://www.w3.org/XML/1998/namespace}lang", "xml:lang"):
        if value := tree.get(name):
            return str(value).strip().lower()[:12]
    for element in tree.xpath("//body/descendant-or-self::*[@lang][position() < 2]")[:1]:
        return str(element.get("lang")).strip().lower()[:12]
    return ""


def _head_title(tree: HtmlElement) -> str:
    raw = " ".join((tree.findtext(".//head/title") or tree.findtext(".//title") or "").split())
    short = _TITLE_SUFFIX.sub("", raw)
    return short[:300]


def _last_segment(url: str) -> str:
    path = url.split("?")[0].split("#")[0].rstrip("/")
    return path.rsplit("/", 1)[-1] or url
