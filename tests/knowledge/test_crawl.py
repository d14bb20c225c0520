"""A crawl of whole sites on loopback, and the rules about addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import Invalid, Unavailable
from server.knowledge.chunks import chunk_blocks
from server.knowledge.crawl import first_urls, links, visit
from server.knowledge.extract import parse_html
from server.knowledge.fetch import Fetcher
from server.knowledge.robots import RobotsRules
from server.knowledge.urls import Scope, admit, is_page, normalise, start_url
from tests.knowledge.sites import Site, crawl, reply, served

DEBIAN_FAQ = Path("/usr/share/doc/debian/FAQ")


def _text(title: str, *hrefs: str) -> str:
    anchors = "".join(f'<a href="{href}">more</a> ' for href in hrefs)
    words = "This page explains one thing in a few plain words that are worth reading."
    return f"<html lang=en><body><h1>{title}</h1><p>{words} {title}.</p>{anchors}</body></html>"


@pytest.mark.skipif(not DEBIAN_FAQ.is_dir(), reason="the package debian-faq is not installed")
@pytest.mark.parametrize("start", ["/index.en.html", "/basic-defs.en.html"])
def test_every_page_of_the_debian_faq_is_found_with_anchors(start: str) -> None:
    expected = {path.name for path in DEBIAN_FAQ.glob("*.en.html")}
    with served(DEBIAN_FAQ) as base, Fetcher(allow_private=True) as fetcher:
        visited = crawl(base + start, fetcher)
    pages = {v.url.rsplit("/", 1)[-1]: v.page for v in visited if v.page}
    assert set(pages) == expected
    support = pages["support.en.html"]
    assert support is not None
    chunks = chunk_blocks(support.blocks)
    assert any(c.anchor == "mailinglistconduct" and "Do not send spam" in c.text for c in chunks)
    assert all(c.anchor for page in pages.values() if page for c in chunk_blocks(page.blocks))
    assert not any("Table of Contents" in b.text for p in pages.values() if p for b in p.blocks)


@pytest.mark.skipif(not DEBIAN_FAQ.is_dir(), reason="the package debian-faq is not installed")
def test_a_folder_is_a_start_as_good_as_a_file() -> None:
    with served(DEBIAN_FAQ.parent) as base, Fetcher(allow_private=True) as fetcher:
        visited = crawl(base + "/FAQ/", fetcher)
    names = {v.url.rsplit("/", 1)[-1] for v in visited if v.page}
    assert {path.name for path in DEBIAN_FAQ.glob("*.en.html")} - {"index.en.html"} <= names


def test_pages_that_robots_txt_keeps_back_are_not_asked_for(site: Site, fetcher: Fetcher) -> None:
    site.pages["/robots.txt"] = ("text/plain", b"User-agent: *\nDisallow: /private\nCrawl-delay: 2")
    site.page("/", _text("Home", "/private/plan", "/open"))
    site.page("/open", _text("Open"))
    visited = crawl(site.url, fetcher)
    assert {v.url for v in visited if v.status == "done"} == {site.url + "/", site.url + "/open"}
    assert [v.reason for v in visited if v.status == "skipped"] == [
        "The site's robots.txt asks not to read this page."
    ]
    assert "/private/plan" not in site.paths
    assert first_urls(site.url, fetcher).robots.crawl_delay == 2.0


def test_a_robots_txt_that_fails_stops_the_crawl(site: Site, fetcher: Fetcher) -> None:
    site.pages["/robots.txt"] = lambda h: reply(h, 503, "text/plain", b"")
    with pytest.raises(Unavailable, match=r"robots\.txt"):
        first_urls(site.url, fetcher)


def test_robots_rules_survive_storage() -> None:
    rules = RobotsRules("User-agent: ParlanceBot\nDisallow: /x\nUser-agent: *\nDisallow: /y")
    again = RobotsRules(rules.text)
    assert not again.allows("http://h/x") and again.allows("http://h/y")


def test_sitemaps_and_their_index_give_first_addresses(site: Site, fetcher: Fetcher) -> None:
    site.pages["/robots.txt"] = ("text/plain", f"Sitemap: {site.url}/index.xml".encode())
    index = f"<sitemapindex><sitemap><loc>{site.url}/a.xml</loc></sitemap></sitemapindex>"
    urls = "".join(f"<url><loc>{site.url}{p}</loc></url>" for p in ("/one", "/two.png"))
    namespace = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    site.pages["/index.xml"] = ("application/xml", index.encode())
    site.pages["/a.xml"] = ("application/xml", f"<urlset {namespace}>{urls}</urlset>".encode())
    assert first_urls(site.url, fetcher).urls == (site.url + "/", site.url + "/one")


def test_an_unreachable_site_is_said_before_anything_is_stored(fetcher: Fetcher) -> None:
    closed = Site()
    closed.close()
    with pytest.raises(Unavailable, match="could not be reached"):
        first_urls(closed.url, fetcher)


def test_what_is_wrong_with_a_page_is_said_and_the_rest_goes_on(
    site: Site, fetcher: Fetcher
) -> None:
    site.page("/", _text("Home", "/gone", "/image", "/away", "/noindex", "/empty", "/broken"))
    site.pages["/image"] = ("image/png", b"\x89PNG")
    site.redirect("/away", "http://elsewhere.example/")
    site.page("/noindex", "<meta name=robots content=noindex>" + _text("Secret", "/after"))
    site.page("/empty", "<html><body></body></html>")
    site.pages["/broken"] = lambda h: reply(h, 500, "text/html", b"oops")
    site.page("/after", _text("After"))
    found = {v.url.removeprefix(site.url): v for v in crawl(site.url, fetcher)}
    said = {path: (v.status, v.reason) for path, v in found.items() if v.status != "done"}
    assert said == {
        "/gone": ("failed", "The server answered with status 404."),
        "/image": ("skipped", "It is image/png, not a page."),
        "/away": (
            "skipped",
            "It redirects to another site, elsewhere.example; add that if you want it read.",
        ),
        "/noindex": ("skipped", "The page asks not to be indexed."),
        "/empty": ("skipped", "There is no text on the page."),
        "/broken": ("failed", "The server answered with status 500."),
    }
    assert found["/after"].page is not None
    assert found["/broken"].retry and not found["/gone"].retry


def test_a_page_that_did_not_change_is_said_to_be_unchanged(site: Site, fetcher: Fetcher) -> None:
    site.pages["/"] = lambda h: reply(h, 304, "text/html", b"")
    assert visit(site.url + "/", fetcher, RobotsRules(), etag='"1"').status == "unchanged"


def test_text_files_on_a_site_are_read_too(site: Site, fetcher: Fetcher) -> None:
    site.pages["/notes.txt"] = ("text/plain", b"The office opens at nine.")
    seen = visit(site.url + "/notes.txt", fetcher, RobotsRules())
    assert seen.page is not None and seen.page.blocks[0].text == "The office opens at nine."
    assert seen.page.url == site.url + "/notes.txt"


def test_a48_a_calendar_without_end_stays_within_the_budget(site: Site, fetcher: Fetcher) -> None:
    site.answer = lambda h: reply(  # type: ignore[method-assign]
        h,
        200,
        "text/html",
        _text(h.path, f"/cal?page={len(site.paths)}", f"/cal/x/{len(site.paths)}", "x/y").encode(),
    )
    site.pages["/robots.txt"] = ("text/plain", b"")
    visited = crawl(site.url + "/", fetcher, budget=120)
    assert sum("?" in v.url for v in visited) <= 40
    assert len(visited) <= 120
    assert max(v.url.count("/") for v in visited) < 20


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.ORG:80/a#b", "http://example.org/a"),
        ("https://example.org:443", "https://example.org/"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        ("http://h/a/../b/./c", "http://h/b/c"),
        ("http://h/dir/", "http://h/dir/"),
        ("http://h/dir", "http://h/dir"),
        ("http://h/?b=2&utm_source=x&a=1&gclid=3", "http://h/?b=2&a=1"),
        ("http://h/a b", "http://h/a%20b"),
        ("http://h/%7Euser", "http://h/%7Euser"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://h./", "http://h/"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://h/?", "http://h/"),
        ("mailto:a@b.c", None),
        ("javascript:alert(1)", None),
        ("http://user:pw@h/", None),
        ("http://h\\@evil/", None),
        ("http://", None),
        ("http://h:99999/", None),
        ("http://h/" + "x" * 2000, None),
        ("http://[::1", None),
    ],
)
def test_one_page_has_one_spelling(url: str, expected: str | None) -> None:
    assert normalise(url) == expected


def test_relative_links_are_resolved_against_the_page() -> None:
    base = "http://h/a/b.html"
    hrefs = ["c.html", "../d", "?q=1", "#top", "//h/e", "/f", "\n/g\n"]
    assert [normalise(h, base) for h in hrefs] == [
        *("http://h/a/c.html", "http://h/d", "http://h/a/b.html?q=1", "http://h/a/b.html"),
        *("http://h/e", "http://h/f", "http://h/g"),
    ]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("example.org", "https://example.org/"),
        (" example.org:8080/docs ", "https://example.org:8080/docs"),
        ("http://h/x", "http://h/x"),
    ],
)
def test_an_owner_may_leave_the_scheme_out(typed: str, expected: str) -> None:
    assert start_url(typed) == expected


@pytest.mark.parametrize("typed", ["", "file:///etc/passwd", "http://", "ftp://h/"])
def test_a_start_that_is_no_web_address_is_said(typed: str) -> None:
    with pytest.raises(Invalid):
        start_url(typed)


@pytest.mark.parametrize(
    ("start", "url", "inside"),
    [
        ("http://h/", "https://h/x", True),
        ("http://h/", "http://www.h/x", True),
        ("http://h/", "http://sub.h/x", False),
        ("http://h/", "http://h:8080/x", False),
        ("http://h:8080/", "http://h:8080/x", True),
        ("http://h/en/docs", "http://h/de/docs", False),
        ("http://h/en/docs", "http://h/en-gb/docs", False),
        ("http://h/en/docs", "http://h/blog/x", True),
        ("http://h/docs", "http://h/de/docs", True),
    ],
)
def test_a_site_is_one_host_one_port_and_one_language(start: str, url: str, inside: bool) -> None:
    assert Scope.of(start).holds(url) is inside


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://h/a", True),
        ("http://h/a.html?id=3", True),
        ("http://h/guide.pdf", True),
        ("http://h/logo.PNG", False),
        ("http://h/a?print=1", False),
        ("http://h/print/a", False),
        ("http://h/a/b/a/b/a/b", False),
        ("http://h/x/x/x/x", False),
        ("http://h/" + "a/" * 3 + "b" + "/c" * 20, False),
        ("http://h/c?a=1&b=2&c=3&d=4&e=5", False),
        ("http://h/events?month=2026-11", False),
    ],
)
def test_traps_and_files_are_no_pages(url: str, page: bool) -> None:
    assert is_page(url) is page


def test_variants_of_one_address_are_limited() -> None:
    scope = Scope.of("http://h/")
    first = admit([f"http://h/list?p={n}" for n in range(100)], ["http://h/list?p=x"], scope)
    assert len(first) == 39
    assert admit(["http://h/other?p=1", "http://h/a", "http://h/a"], first, scope) == (
        "http://h/other?p=1",
        "http://h/a",
    )


def test_links_are_taken_in_order_and_once() -> None:
    html = b"""<html lang=en><head><base href="/docs/"><link rel=next href=n>
    <meta http-equiv=refresh content="0; url=/moved"></head><body><nav><a href=a>x</a></nav>
    <a href=a#part>x</a><a rel=nofollow href=b>x</a><a hreflang=de href=c>x</a>
    <a href=d hreflang=en-GB>x</a><area href="e"><a href="mailto:x@y">m</a></body></html>"""
    assert links(parse_html(html), "http://h/page") == (
        *("http://h/docs/n", "http://h/moved", "http://h/docs/a"),
        *("http://h/docs/d", "http://h/docs/e"),
    )
