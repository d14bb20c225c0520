"""The steps of a crawl: where it starts and what one visit yields. Pure but for the fetcher.

Which pages wait, budget, depth and pauses are the caller's (a durable workflow).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from server.errors import AppError, Unavailable
from server.knowledge.documents import read_document
from server.knowledge.extract import extract_tree, parse_html
from server.knowledge.fetch import Fetched, Fetcher
from server.knowledge.pages import ExtractedPage
from server.knowledge.robots import RobotsRules, fetch_robots, sitemap_urls
from server.knowledge.urls import Scope, is_page, normalise, start_url

Status = Literal["done", "unchanged", "skipped", "failed"]

_HTML_TYPES = ("text/html", "application/xhtml+xml")
_DOCUMENT_TYPES = ("application/pdf", "text/plain", "text/markdown", "text/x-markdown")
_NO_INDEX = re.compile(r"\b(?:noindex|none)\b", re.IGNORECASE)
_NO_FOLLOW = re.compile(r"\b(?:nofollow|none)\b", re.IGNORECASE)
_REFRESH = re.compile(r"^\s*[\d.]+\s*[;,]\s*url\s*=\s*[\"']?([^\"']+)", re.IGNORECASE)
_MOST_LINKS = 2_000


@dataclass(frozen=True, slots=True)
class Seeds:
    """Where a crawl begins: the start address first, then what sitemaps name."""

    start: str
    scope: Scope
    robots: RobotsRules
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Visited:
    """What one visit gave. `page` only when `status` is "done"; `reason` says why there is none.

    `url` is where the page really is; `retry` says that a failure may pass.
    """

    url: str
    status: Status
    page: ExtractedPage | None = None
    links: tuple[str, ...] = ()
    reason: str = ""
    content_hash: str = ""
    etag: str = ""
    last_modified: str = ""
    retry: bool = False


def first_urls(start: str, fetcher: Fetcher) -> Seeds:
    """Read robots.txt and sitemaps. Raise Unavailable or Refused if the site cannot be read."""
    url = start_url(start)
    robots = fetch_robots(url, fetcher)
    scope = Scope.of(url)
    mapped = sitemap_urls(url, robots, scope, fetcher)
    return Seeds(url, scope, robots, tuple(dict.fromkeys((url, *mapped))))


def visit(
    url: str,
    fetcher: Fetcher,
    robots: RobotsRules,
    *,
    scope: Scope | None = None,
    etag: str = "",
    last_modified: str = "",
) -> Visited:
    """Fetch and read one page. What goes wrong with a page is said in the result, not raised."""
    site = scope or Scope.of(url)
    if not robots.allows(url):
        return Visited(url, "skipped", reason="The site's robots.txt asks not to read this page.")
    try:
        fetched = fetcher.get(
            url,
            etag=etag,
            last_modified=last_modified,
            stay=lambda u: site.holds(u) and robots.allows(u),
            wanted=_is_readable,
        )
        return _settle(url, fetched, site)
    except AppError as error:
        return Visited(url, "failed", reason=error.message, retry=isinstance(error, Unavailable))


def links(tree: HtmlElement, base: str) -> tuple[str, ...]:
    """Addresses a page links to, normalised, in order, each once; not those marked nofollow."""
    base_tag = tree.find(".//base[@href]")
    if base_tag is not None:
        base = normalise(str(base_tag.get("href")), base) or base
    found: dict[str, None] = {}
    for raw in _raw_links(tree):
        if (url := normalise(raw, base)) is not None and is_page(url):
            found[url] = None
        if len(found) >= _MOST_LINKS:
            break
    return tuple(found)


def _raw_links(tree: HtmlElement) -> Iterator[str]:
    language = str(tree.get("lang") or "").lower()[:2]
    for element in tree.iter("a", "area", "link", "meta"):
        if element.tag == "meta":
            refresh = element.get("http-equiv", "").lower() == "refresh"
            target = _REFRESH.match(element.get("content", "")) if refresh else None
            if target:
                yield target.group(1)
            continue
        rel = element.get("rel", "").lower().split()
        if element.tag == "link" and not {"next", "prev"} & set(rel):
            continue
        other = language and element.get("hreflang", language).lower()[:2] != language
        href = element.get("href")
        if href and "nofollow" not in rel and not other:
            yield str(href)


def _is_readable(content_type: str) -> bool:
    return not content_type or content_type.startswith(_HTML_TYPES + _DOCUMENT_TYPES)


def _settle(url: str, fetched: Fetched, site: Scope) -> Visited:
    if fetched.left_to:
        host = urlsplit(fetched.left_to).hostname
        if site.holds(fetched.left_to):
            return Visited(url, "skipped", reason="It redirects to a page robots.txt keeps back.")
        return Visited(
            url,
            "skipped",
            reason=f"It redirects to another site, {host}; add that if you want it read.",
        )
    if fetched.status == 304:
        return Visited(fetched.final_url, "unchanged")
    if fetched.status != 200:
        retry = fetched.status >= 500 or fetched.status in {408, 425, 429}
        reason = f"The server answered with status {fetched.status}."
        return Visited(url, "failed", reason=reason, retry=retry)
    if not _is_readable(fetched.content_type):
        kind = fetched.content_type.split(";")[0][:60]
        return Visited(url, "skipped", reason=f"It is {kind}, not a page.")
    if fetched.content_type.startswith(_DOCUMENT_TYPES):
        name = urlsplit(fetched.final_url).path.rsplit("/", 1)[-1]
        return _done(fetched, read_document(name, fetched.body, url=fetched.final_url), ())
    return _read_html(fetched)


def _read_html(fetched: Fetched) -> Visited:
    # The spelling that later visits will use, so that a redirect does not make a second page.
    where = normalise(fetched.final_url) or fetched.final_url
    tree = parse_html(fetched.body, fetched.content_type)
    wishes = " ".join(str(m) for m in tree.xpath("//meta[@name='robots']/@content"))
    onward = () if _NO_FOLLOW.search(wishes) else links(tree, where)
    if _NO_INDEX.search(wishes):
        return Visited(where, "skipped", links=onward, reason="The page asks not to be indexed.")
    page = extract_tree(tree, where, size=len(fetched.body))
    if not page.blocks:
        reason = page.warnings[0] if page.warnings else "There is no text on the page."
        return Visited(where, "skipped", links=onward, reason=reason)
    return _done(fetched, page, onward)


def _done(fetched: Fetched, page: ExtractedPage, onward: tuple[str, ...]) -> Visited:
    return Visited(
        page.url,
        "done",
        page,
        onward,
        content_hash=page.content_hash,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
    )
