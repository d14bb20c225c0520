"""What a site asks of crawlers (robots.txt) and what it offers them (sitemaps)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin

from lxml import etree
from protego import Protego

from server.errors import AppError, Invalid, Unavailable
from server.knowledge.fetch import USER_AGENT, Fetcher
from server.knowledge.urls import Scope, is_page, normalise

_MOST_MAPS = 20
_MOST_URLS = 5_000
_MOST_ROBOTS = 500_000
_MOST_MAP_BYTES = 20_000_000
_LONGEST_DELAY = 10.0


@dataclass(frozen=True, slots=True)
class RobotsRules:
    """The rules of a robots.txt, kept as its text so that they can be stored and sent."""

    text: str = ""

    def allows(self, url: str) -> bool:
        return bool(_parsed(self.text).can_fetch(url, USER_AGENT))

    @property
    def crawl_delay(self) -> float:
        """Seconds between two requests that the site asks for, at most ten."""
        asked = _parsed(self.text).crawl_delay(USER_AGENT)
        return min(float(asked), _LONGEST_DELAY) if asked else 0.0

    @property
    def sitemaps(self) -> tuple[str, ...]:
        return tuple(_parsed(self.text).sitemaps)


@lru_cache(maxsize=64)
def _parsed(text: str) -> Protego:
    return Protego.parse(text)


def fetch_robots(start: str, fetcher: Fetcher) -> RobotsRules:
    """Read the robots.txt of a site. None there allows all; one that fails allows nothing now."""
    fetched = fetcher.get(urljoin(start, "/robots.txt"))
    if fetched.status >= 500 or fetched.status == 429:
        raise Unavailable(
            f"The robots.txt of {start} answers with status {fetched.status}.",
            hint="Without it a site may not be read; try again later.",
        )
    if fetched.status != 200 or "html" in fetched.content_type:
        return RobotsRules()
    return RobotsRules(fetched.body[:_MOST_ROBOTS].decode("utf-8", "replace"))


def sitemap_urls(
    start: str, robots: RobotsRules, scope: Scope, fetcher: Fetcher
) -> tuple[str, ...]:
    """Pages of the site that its sitemaps name, in their order; nothing if there are none."""
    waiting = list(robots.sitemaps) or [urljoin(start, "/sitemap.xml")]
    seen: set[str] = set()
    found: dict[str, None] = {}
    while waiting and len(seen) < _MOST_MAPS and len(found) < _MOST_URLS:
        address = normalise(waiting.pop(0), start)
        # A map on another host is another site's word about this one.
        if address is None or address in seen or not scope.holds(address):
            continue
        seen.add(address)
        maps, pages = _read_map(address, scope, fetcher)
        waiting.extend(maps[:_MOST_MAPS])
        for page in pages:
            if scope.holds(page) and is_page(page) and robots.allows(page):
                found[page] = None
    return tuple(found)[:_MOST_URLS]


def _read_map(address: str, scope: Scope, fetcher: Fetcher) -> tuple[list[str], list[str]]:
    try:
        fetched = fetcher.get(address, stay=scope.holds)
        if fetched.status != 200:
            return [], []
        return read_sitemap(fetched.body, address)
    except AppError:
        return [], []  # a convenience: the links of the pages lead on


def read_sitemap(body: bytes, base: str) -> tuple[list[str], list[str]]:
    """Parse a sitemap or an index of them: (maps, pages). Entities are never expanded."""
    if body.startswith(b"\x1f\x8b"):
        body = _gunzip(body)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    root = etree.fromstring(body, parser=parser) if body.strip() else None
    if root is None:
        return [], []
    maps: list[str] = []
    pages: list[str] = []
    for element in root.iter("{*}loc"):
        if len(maps) + len(pages) >= _MOST_URLS:
            break
        parent = element.getparent()
        url = normalise((element.text or "").strip(), base)
        if url is None or parent is None:
            continue
        kind = etree.QName(parent).localname
        if kind == "sitemap":
            maps.append(url)
        elif kind == "url":
            pages.append(url)
    return maps, pages


def _gunzip(body: bytes) -> bytes:
    inflate = zlib.decompressobj(wbits=31)
    try:
        plain = inflate.decompress(body, _MOST_MAP_BYTES)
    except zlib.error:
        raise Invalid("The sitemap is compressed, and broken.") from None
    if inflate.unconsumed_tail:
        raise Invalid("The sitemap is too large.")
    return plain
