"""The guard of the crawler: hardening cases A37 to A48. Pass means no connection at all."""

from __future__ import annotations

import gzip
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address

import pytest

from server.errors import AppError, Invalid, Refused, Unavailable
from server.knowledge.addresses import is_never, is_public
from server.knowledge.fetch import Fetcher, Limits
from server.knowledge.robots import RobotsRules, fetch_robots, read_sitemap, sitemap_urls
from server.knowledge.urls import Scope
from tests.knowledge.sites import Site, reply


class Resolver:
    """Answers look-ups from a table, one answer after the other, and counts them."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "gopher://127.0.0.1/_x",
        "dict://127.0.0.1/",
        "ftp://127.0.0.1/",
        "data:text/html,x",
        "jar:http://127.0.0.1/!/",
        "ldap://127.0.0.1/",
        "blob:http://127.0.0.1/",
        "//127.0.0.1/",
        "/etc/passwd",
        "",
    ],
)
def test_a37_other_schemes_are_refused_before_any_look_up(url: str) -> None:
    resolver = Resolver(["127.0.0.1"])
    with Fetcher(resolve=resolver) as fetcher, pytest.raises(AppError):
        fetcher.get(url)
    assert resolver.asked == []


_LOCAL = ["127.0.0.1", "127.1", "0", "0.0.0.0", "[::]", "[::1]", "localhost", "LOCALHOST."]
_DISGUISED = [
    "x.localhost",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "00000177.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::ffff:7f00:1]",
]


@pytest.mark.parametrize("host", [*_LOCAL, *_DISGUISED])
def test_a38_a39_this_machine_is_refused_however_it_is_spelled(site: Site, host: str) -> None:
    for port in (site.port, 80):
        with Fetcher() as fetcher, pytest.raises(AppError):
            fetcher.get(f"http://{host}:{port}/")
    assert site.connections == 0


def test_a38_spellings_reach_the_address_check_and_not_only_the_port_check() -> None:
    """The system's own resolver turns these into 127.0.0.1; the check is on what it answers."""
    for host in ("127.1", "2130706433", "0x7f.1", "017700000001"):
        with Fetcher() as fetcher, pytest.raises(Refused, match=r"127\.0\.0\.1"):
            fetcher.get(f"http://{host}/")


@pytest.mark.parametrize(
    "address",
    [
        *("::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"),
        *("fec0::1", "fe80::1", "fd00:ec2::254", "2001:0:a9fe:a9fe::1", "64:ff9b:1::1", "::"),
        *("169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "10.0.0.5"),
        *("172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "192.88.99.1", "ff02::1", "0.0.0.0", "127.0.0.1", "192.0.2.1"),
    ],
)
def test_a40_a41_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    with Fetcher(resolve=Resolver([address])) as fetcher, pytest.raises(Refused):
        fetcher.get("http://example.org/")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1", "64:ff9b::5db8:d70e"])
def test_a40_public_addresses_pass(address: str) -> None:
    assert is_public(ip_address(address))
    assert not is_never(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:a9fe:a9fe", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"],
)
def test_a41_metadata_stays_refused_for_a_host_the_owner_names(address: str) -> None:
    options = {"allowed_hosts": frozenset({"wiki.lan"}), "resolve": Resolver([address])}
    with Fetcher(**options) as fetcher, pytest.raises(Refused):  # type: ignore[arg-type]
        fetcher.get("http://wiki.lan/")


def test_a41_metadata_names_are_refused_before_any_look_up() -> None:
    resolver = Resolver(["93.184.215.14"])
    with Fetcher(allow_private=True, resolve=resolver) as fetcher, pytest.raises(Refused):
        fetcher.get("http://metadata.google.internal/computeMetadata/v1/")
    assert resolver.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("form", ["http://localhost:{port}/in", "//127.0.0.2:{port}/in"])
def test_a42_a_redirect_to_an_internal_address_is_refused(
    site: Site, status: int, form: str
) -> None:
    canary = Site()
    site.redirect("/out", form.format(port=canary.port), status)
    named = frozenset({f"127.0.0.1:{site.port}"})
    with Fetcher(allowed_hosts=named) as fetcher, pytest.raises(Refused):
        fetcher.get(f"{site.url}/out")
    assert canary.connections == 0
    canary.close()


def test_a42_redirects_stop_at_the_fifth(site: Site, fetcher: Fetcher) -> None:
    for n in range(9):
        site.redirect(f"/{n}", f"/{n + 1}")
    with pytest.raises(Invalid, match="more than 5 times"):
        fetcher.get(f"{site.url}/0")
    assert len(site.paths) == 6


def test_a42_a_redirect_out_of_the_site_is_reported_and_not_followed(
    site: Site, fetcher: Fetcher
) -> None:
    site.redirect("/out", "http://elsewhere.example/")
    fetched = fetcher.get(f"{site.url}/out", stay=lambda u: u.startswith(site.url))
    assert fetched.left_to == "http://elsewhere.example/"


def test_a42_a_location_with_line_breaks_reaches_nothing(site: Site, fetcher: Fetcher) -> None:
    def split(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(
            b"HTTP/1.1 302 Found\r\nLocation: http://exa\x0bmple/\r\nContent-Length: 0\r\n\r\n"
        )

    site.pages["/crlf"] = split
    with pytest.raises(AppError):
        fetcher.get(f"{site.url}/crlf")
    assert site.paths == ["/crlf"]


def test_a43_a_rebinding_name_is_connected_only_where_it_was_checked(site: Site) -> None:
    """The second answer would be the canary; the look-up that was checked is the one used."""
    resolver = Resolver(["198.51.100.7"], ["127.0.0.1"])
    limits = Limits(timeout=0.2, deadline=0.5)
    with Fetcher(resolve=resolver, limits=limits) as fetcher, pytest.raises(AppError):
        fetcher.get(f"http://rebind.example:{8080}/")
    assert len(resolver.asked) == 1
    assert site.connections == 0


def test_a43_host_header_names_the_site_while_the_connection_goes_to_the_checked_address(
    site: Site,
) -> None:
    site.page("/", "<p>hello</p>")
    named = frozenset({f"wiki.lan:{site.port}"})
    with Fetcher(allowed_hosts=named, resolve=Resolver(["127.0.0.1"])) as fetcher:
        fetched = fetcher.get(f"http://wiki.lan:{site.port}/")
    assert fetched.body == b"<p>hello</p>"
    assert site.headers[0]["host"] == f"wiki.lan:{site.port}"


def test_a44_one_private_address_among_public_ones_refuses_the_host(site: Site) -> None:
    resolver = Resolver(["93.184.215.14", "127.0.0.1"])
    with Fetcher(resolve=resolver) as fetcher, pytest.raises(Refused):
        fetcher.get("http://example.org/")
    assert site.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://ok@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}#@ok.example/",
        "http://ok.example\\@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\t/",
        "http://127.0.0.1:{port}/\n",
        "http://127%2e0%2e0%2e1:{port}/",
        "http://127。0。0。1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://ok.example:80:{port}/",
    ],
)
def test_a45_addresses_that_parsers_disagree_on_reach_nothing(site: Site, url: str) -> None:
    with Fetcher() as fetcher, pytest.raises(AppError):
        fetcher.get(url.format(port=site.port))
    assert site.connections == 0


@pytest.mark.parametrize("port", [21, 22, 25, 5432, 6379, 11211, 3306, 9200])
def test_a46_ports_of_other_services_are_refused_before_any_look_up(port: int) -> None:
    resolver = Resolver(["93.184.215.14"])
    with Fetcher(resolve=resolver, allow_private=True) as fetcher, pytest.raises(Refused):
        fetcher.get(f"http://example.org:{port}/")
    assert resolver.asked == []


def test_a46_a_port_the_owner_lists_is_read(site: Site) -> None:
    site.page("/", "<p>hello</p>")
    with Fetcher(allowed_hosts=frozenset({f"127.0.0.1:{site.port}"})) as fetcher:
        assert fetcher.get(site.url + "/").status == 200
    with Fetcher(allowed_hosts=frozenset({"127.0.0.1:9"})) as fetcher, pytest.raises(Refused):
        fetcher.get(site.url + "/")


def test_the_refusal_names_the_setting_that_permits_a_private_host(site: Site) -> None:
    with Fetcher() as fetcher, pytest.raises(Refused) as caught:
        fetcher.get("http://127.0.0.1/")
    assert "PARLANCE_CRAWL_PRIVATE" in caught.value.hint


def test_a47_a_sitemap_on_another_host_is_not_fetched(site: Site) -> None:
    canary = Site()
    site.pages["/map.xml"] = (
        "application/xml",
        f"<sitemapindex><sitemap><loc>{canary.url}/s.xml</loc></sitemap></sitemapindex>".encode(),
    )
    robots = RobotsRules(f"Sitemap: {canary.url}/r.xml\nSitemap: {site.url}/map.xml\n")
    with Fetcher(allowed_hosts=frozenset({f"127.0.0.1:{site.port}"})) as fetcher:
        assert sitemap_urls(site.url, robots, Scope.of(site.url), fetcher) == ()
    assert site.paths == ["/map.xml"]
    assert canary.connections == 0
    canary.close()


def test_a47_a_redirecting_robots_file_meets_the_same_guard(site: Site) -> None:
    site.redirect("/robots.txt", "http://169.254.169.254/latest/meta-data/")
    named = frozenset({f"127.0.0.1:{site.port}"})
    with Fetcher(allowed_hosts=named) as fetcher, pytest.raises(Refused):
        fetch_robots(site.url + "/", fetcher)


def test_a48_a_byte_now_and_then_ends_at_the_deadline(site: Site) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    def drip_headers(handler: BaseHTTPRequestHandler) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.05)

    site.pages["/body"] = drip
    site.pages["/headers"] = drip_headers
    limits = Limits(timeout=0.5, deadline=0.6)
    with Fetcher(allow_private=True, limits=limits) as fetcher:
        for path in ("/body", "/headers"):
            started = time.monotonic()
            with pytest.raises(Unavailable, match="did not answer within"):
                fetcher.get(site.url + path)
            assert time.monotonic() - started < 1.5


def test_a48_a_huge_body_is_stopped_at_the_cap(site: Site, fetcher: Fetcher) -> None:
    sent = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        for _ in range(10_000):
            handler.wfile.write(b"x" * 100_000)
            sent += 100_000

    def announced(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10000000000")
        handler.end_headers()

    site.pages["/endless"] = endless
    site.pages["/announced"] = announced
    for path in ("/endless", "/announced"):
        with pytest.raises(Invalid, match="larger than"):
            fetcher.get(site.url + path)
    assert sent < 50_000_000


def test_a48_a_compression_bomb_is_stopped_at_the_cap(site: Site, fetcher: Fetcher) -> None:
    bomb = gzip.compress(b"\0" * 200_000_000)
    for path, encoding in (("/gzip", "gzip"), ("/twice", "gzip, gzip"), ("/br", "br")):
        headers = {"Content-Encoding": encoding}
        site.pages[path] = lambda h, k=headers: reply(h, 200, "text/html", bomb, k)  # type: ignore[misc]
        with pytest.raises(Invalid):
            fetcher.get(site.url + path)


def test_a48_a_million_addresses_in_a_sitemap_are_cut_off() -> None:
    body = (
        b"<urlset>"
        + b"".join(b"<url><loc>http://h/%d</loc></url>" % n for n in range(100_000))
        + b"</urlset>"
    )
    started = time.monotonic()
    _, pages = read_sitemap(body, "http://h/")
    assert len(pages) == 5_000
    assert time.monotonic() - started < 2


def test_a51_a_sitemap_expands_no_entities() -> None:
    body = (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname"><!ENTITY a "aaaa">]>'
        b"<urlset><url><loc>http://h/&e;&a;</loc></url></urlset>"
    )
    _, pages = read_sitemap(body, "http://h/")
    assert pages in ([], ["http://h/"])


def test_a52_a_billion_laughs_ends_at_once() -> None:
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    body = f'<!DOCTYPE x [<!ENTITY l0 "ha">{lines}]><urlset><loc>&l11;</loc></urlset>'
    started = time.monotonic()
    read_sitemap(body.encode(), "http://h/")
    assert time.monotonic() - started < 1


def test_compressed_pages_are_inflated(site: Site, fetcher: Fetcher) -> None:
    body = gzip.compress(b"<p>hello</p>")
    site.pages["/"] = lambda h: reply(h, 200, "text/html", body, {"Content-Encoding": "gzip"})
    assert fetcher.get(site.url + "/").body == b"<p>hello</p>"


def test_a_known_page_is_asked_for_conditionally(site: Site, fetcher: Fetcher) -> None:
    site.pages["/"] = lambda h: reply(h, 304, "text/html", b"")
    fetched = fetcher.get(
        site.url + "/", etag='"v1"', last_modified="Tue, 01 Sep 2026 00:00:00 GMT"
    )
    assert fetched.status == 304
    assert site.headers[0]["if-none-match"] == '"v1"'
    assert site.headers[0]["if-modified-since"].startswith("Tue, 01 Sep")


def test_an_unreachable_site_is_said_in_one_sentence(fetcher: Fetcher) -> None:
    closed = Site()
    closed.close()
    with pytest.raises(Unavailable, match="could not be reached"):
        fetcher.get(closed.url + "/")


def test_an_unknown_name_is_said_in_one_sentence() -> None:
    with Fetcher() as fetcher, pytest.raises(Unavailable, match="No address is known"):
        fetcher.get("http://no-such-host.invalid/")


def test_the_environment_names_no_proxy(
    site: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    site.page("/", "<p>direct</p>")
    with Fetcher(allow_private=True) as fresh:
        assert fresh.get(site.url + "/").body == b"<p>direct</p>"
