"""The guarded HTTP client: the only way to the network, and the only importer of httpx.

Every connection asks `server.knowledge.addresses`; bytes, time and redirects are bounded.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType

import httpx

from server.errors import Invalid, Refused, Unavailable
from server.knowledge.addresses import Guard, Resolver, system_resolver
from server.knowledge.connect import Clock, guarded_pool

USER_AGENT = "ParlanceBot"
_HEADERS = {
    "User-Agent": f"Mozilla/5.0 (compatible; {USER_AGENT}/1.0)",
    "Accept": "text/html, application/xhtml+xml, application/pdf, text/*;q=0.9, */*;q=0.5",
    "Accept-Encoding": "gzip, deflate",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. `left_to` is set instead of a body where a redirect led out of what was asked for;
    `status` is 304 with an empty body if the content is the one the caller knows."""

    url: str
    final_url: str
    status: int
    content_type: str
    body: bytes
    etag: str = ""
    last_modified: str = ""
    retry_after: str = ""
    left_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds of silence, seconds in all, bytes after decompression, redirects."""

    timeout: float = 10.0
    deadline: float = 30.0
    max_bytes: int = 10_000_000
    max_redirects: int = 5


class Fetcher:
    """Gets pages within its limits. Safe to share between threads; close it after use."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        allowed_hosts: frozenset[str] = frozenset(),
        limits: Limits | None = None,
        resolve: Resolver = system_resolver,
    ) -> None:
        self._limits = limits or Limits()
        self._guard = Guard(allow_private, frozenset(h.lower() for h in allowed_hosts), resolve)
        self._clock = Clock()
        self._client = httpx.Client(
            transport=_transport(self._guard, self._clock),
            headers=_HEADERS,
            timeout=self._limits.timeout,
            trust_env=False,
            follow_redirects=False,
        )

    def get(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        stay: Callable[[str], bool] | None = None,
        wanted: Callable[[str], bool] | None = None,
    ) -> Fetched:
        """Get a page, following redirects as long as `stay` agrees to the next address.

        `wanted` sees the content type; where it declines, the body is left unread. Raises Refused
        for an address that may not be read, Invalid for one that cannot be, Unavailable where
        trying later helps.
        """
        known = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        headers = {name: value for name, value in known.items() if value}
        self._clock.start(self._limits.deadline)
        target = _parse(url)
        for _ in range(self._limits.max_redirects + 1):
            fetched = self._hop(url, target, headers, wanted)
            if not fetched.left_to:
                return fetched
            target = _parse(fetched.left_to)
            if stay is not None and not stay(str(target)):
                return replace(fetched, left_to=str(target))
        raise Invalid(
            f"{url} redirects more than {self._limits.max_redirects} times.",
            hint="Give the address the page ends up at.",
        )

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _hop(
        self,
        url: str,
        target: httpx.URL,
        headers: dict[str, str],
        wanted: Callable[[str], bool] | None,
    ) -> Fetched:
        self._guard.check_name(target.host, target.port or _default_port(target))
        request = self._client.build_request("GET", target, headers=headers)
        try:
            response = self._client.send(request, stream=True)
            try:
                return self._read(url, target, response, wanted)
            finally:
                response.close()
        except httpx.TimeoutException:
            raise Unavailable(
                f"{url} did not answer within {self._limits.deadline:g} seconds.",
                hint="Try again later.",
            ) from None
        except httpx.HTTPError as error:
            raise Unavailable(
                f"{url} could not be reached: {_reason(error)}.",
                hint="Check the address in a browser, then try again.",
            ) from None

    def _read(
        self,
        url: str,
        target: httpx.URL,
        response: httpx.Response,
        wanted: Callable[[str], bool] | None,
    ) -> Fetched:
        found = Fetched(
            url,
            str(target),
            response.status_code,
            response.headers.get("content-type", "").lower(),
            b"",
            response.headers.get("etag", ""),
            response.headers.get("last-modified", ""),
            response.headers.get("retry-after", ""),
        )
        if found.status in _REDIRECTS:
            return replace(found, left_to=_join(target, response.headers.get("location", "")))
        if found.status != 200:
            return found
        if wanted is not None and not wanted(found.content_type):
            return found
        return replace(found, body=self._body(url, response))

    def _body(self, url: str, response: httpx.Response) -> bytes:
        most = self._limits.max_bytes
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and int(announced[:20]) > most:
            raise _too_large(url, most)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        parts: list[bytes] = []
        size = 0
        for part in _decoded(url, response.iter_raw(), encoding, most):
            size += len(part)
            if size > most:
                raise _too_large(url, most)
            parts.append(part)
        return b"".join(parts)


def _parse(url: str) -> httpx.URL:
    """Parse once; the same object is checked and connected to."""
    if len(url) > 4000 or any(c in url for c in "\\") or any(ord(c) <= 32 for c in url):
        raise Invalid(
            f"{url[:80]!r} is not a web address.", hint="Use one like https://example.org/."
        )
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise Invalid(f"{url[:80]!r} is not a web address.") from None
    if parsed.scheme not in {"http", "https"}:
        raise Refused(f"{url[:80]!r} is not http or https.", hint="Only web pages are read.")
    if not parsed.host or "%" in parsed.host:
        raise Invalid(f"{url[:80]!r} names no host.")
    if parsed.userinfo:
        raise Refused(f"The address at {parsed.host} carries a name or password.")
    return parsed.copy_with(fragment=None)


def _default_port(url: httpx.URL) -> int:
    return 443 if url.scheme == "https" else 80


def _join(base: httpx.URL, location: str) -> str:
    try:
        return str(base.join(location.strip()))
    except (httpx.InvalidURL, ValueError):
        raise Invalid(f"{base} redirects to an address that cannot be read.") from None


def _decoded(url: str, raw: Iterable[bytes], encoding: str, most: int) -> Iterator[bytes]:
    """Inflate a little at a time: a bomb is stopped at the cap, not after it went off."""
    if encoding in {"", "identity"}:
        yield from raw
        return
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise Invalid(f"{url} is compressed as {encoding[:40]}, which was not asked for.")
    inflate = zlib.decompressobj(wbits=47)
    try:
        for part in raw:
            while part:
                yield inflate.decompress(part, 65_536)
                part = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error:
        raise Invalid(f"{url} sent compressed data that is broken.") from None


def _too_large(url: str, most: int) -> Invalid:
    return Invalid(
        f"{url} is larger than {most / 1_000_000:g} MB.", hint="Leave it out, or split it."
    )


def _reason(error: httpx.HTTPError) -> str:
    text = str(error).strip().rstrip(".")
    return text[:120] if text else type(error).__name__


def _transport(guard: Guard, clock: Clock) -> httpx.HTTPTransport:
    transport = httpx.HTTPTransport(trust_env=False)
    # httpx has no public way to set a network backend; a test notices if this stops working.
    transport._pool = guarded_pool(guard, clock)
    return transport
