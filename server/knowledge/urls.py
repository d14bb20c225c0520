"""Addresses of pages: their normal form, which belong to a site, which are traps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from server.errors import Invalid

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING = re.compile(
    r"^(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|_ga|_gl|igshid|yclid|ref_src|phpsessid|sid|jsessionid)$",
    re.IGNORECASE,
)
# Another view of a page that is read anyway, or an endless one.
_VIEWS = re.compile(
    r"^(?:print|printable|printview|replytocom|share|oldid|diff|action|sort|order|orderby|dir|view"
    r"|month|year|day|date|calendar|from|to|format|output|add-to-cart|login|redirect(?:_to)?)$",
    re.IGNORECASE,
)
_NOT_PAGES = re.compile(
    r"\.(?:jpe?g|png|gif|svg|webp|avif|ico|bmp|tiff?|css|js|mjs|map|json|xml|rss|atom|woff2?|ttf|eot"
    r"|otf|mp[34]|m4[av]|avi|mov|webm|ogg|wav|flac|zip|gz|tgz|bz2|xz|7z|rar|tar|deb|rpm|dmg|exe|msi"
    r"|apk|iso|jar|whl|docx?|xlsx?|pptx?|odt|ods|epub|bin|img|inv|ics)$",
    re.IGNORECASE,
)
_LANGUAGES = frozenset(
    "ar bg bn ca cs da de el en es et eu fa fi fr gl he hi hr hu id it ja ko lt lv ms nb nl no pl "
    "pt ro ru sk sl sr sv sw ta th tr uk ur vi zh".split()
)
_PRINT_PATH = re.compile(r"/(?:print|printable)(?:/|$)", re.IGNORECASE)
_SAFE = "/%:=&?~#+!$,;'@()*[]"
_LONGEST = 1000
_DEEPEST = 15
_MOST_VARIANTS = 40


def normalise(url: str, base: str = "") -> str | None:
    """One spelling for one page, without fragment; None if it is no web address.

    Tracking parameters go, all else in the query stays in its order; a trailing slash means
    something to servers, so it stays as it is.
    """
    cleaned = re.sub(r"[\t\r\n]", "", url).strip()
    try:
        parts = urlsplit(urljoin(base, cleaned) if base else cleaned)
        host = _host(parts.hostname or "")
        port = parts.port
    except (ValueError, UnicodeError):
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc or "\\" in cleaned:
        return None
    netloc = host if port in {None, _DEFAULT_PORTS[scheme]} else f"{host}:{port}"
    path = quote(_without_dots(parts.path) or "/", safe=_SAFE)
    found = urlunsplit((scheme, netloc, path, quote(_query(parts.query), safe=_SAFE), ""))
    return found if len(found) <= _LONGEST else None


def start_url(text: str) -> str:
    """The address an owner typed, with https:// where a scheme is missing. Raise Invalid."""
    text = text.strip()
    typed = text if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:(?!\d)", text) else f"https://{text}"
    found = normalise(typed)
    if found is None:
        raise Invalid(
            f"{text[:80]!r} is not a web address.", hint="Use one like https://example.org/docs/."
        )
    return found


@dataclass(frozen=True, slots=True)
class Scope:
    """The site that is read: one host and port, and one language where addresses name it."""

    host: str
    port: int
    language: str = ""

    @classmethod
    def of(cls, url: str) -> Scope:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        return cls(_bare(parts.hostname or ""), _plain(port), _path_language(parts.path))

    def holds(self, url: str) -> bool:
        """Whether a normalised address is part of the site; http and https are one site."""
        parts = urlsplit(url)
        port = _plain(parts.port or _DEFAULT_PORTS.get(parts.scheme, 0))
        if (_bare(parts.hostname or ""), port) != (self.host, self.port):
            return False
        language = _path_language(parts.path)
        return not (self.language and language) or language == self.language


def is_page(url: str) -> bool:
    """Whether an address may lead to text worth reading, and is no trap."""
    parts = urlsplit(url)
    segments = [s for s in parts.path.split("/") if s]
    if _NOT_PAGES.search(parts.path) or _PRINT_PATH.search(parts.path):
        return False
    if len(segments) > _DEEPEST or _repeats(segments):
        return False
    names = [pair.split("=")[0] for pair in parts.query.split("&") if pair]
    return len(names) <= 4 and not any(_VIEWS.match(name) for name in names)


def admit(candidates: Iterable[str], known: Iterable[str], scope: Scope) -> tuple[str, ...]:
    """The candidates worth a visit: new, in scope, and not the n-th variant of one page."""
    met = set(known)
    variants = Counter(_family(url) for url in met if "?" in url)
    admitted: list[str] = []
    for url in candidates:
        if url in met or not scope.holds(url) or not is_page(url):
            continue
        met.add(url)
        if "?" in url:
            variants[_family(url)] += 1
            if variants[_family(url)] > _MOST_VARIANTS:
                continue
        admitted.append(url)
    return tuple(admitted)


def _host(name: str) -> str:
    name = name.rstrip(".").lower()
    if ":" in name:
        return f"[{name}]"
    return name if name.isascii() else name.encode("idna").decode("ascii")


def _without_dots(path: str) -> str:
    return urljoin("http://h/", path.replace("//", "/")).removeprefix("http://h") if path else "/"


def _query(query: str) -> str:
    kept = [p for p in query.split("&") if p and not _TRACKING.match(p.split("=")[0])]
    return "&".join(kept)


def _bare(host: str) -> str:
    return host.lower().rstrip(".").removeprefix("www.")


def _plain(port: int) -> int:
    return 443 if port == 80 else port


def _path_language(path: str) -> str:
    first = path.lstrip("/").split("/")[0].lower()
    code = first.split("-")[0]
    return first if code in _LANGUAGES and re.fullmatch(r"[a-z]{2}(?:-[a-z]{2,4})?", first) else ""


def _repeats(segments: list[str]) -> bool:
    """A relative link that is wrong by one level nests for ever: a/b/a/b/a/b."""
    counts = Counter(segments)
    if any(count > 3 for count in counts.values()):
        return True
    return any(
        segments[i : i + n] == segments[i + n : i + 2 * n] == segments[i + 2 * n : i + 3 * n]
        for n in (1, 2, 3)
        for i in range(len(segments) - 3 * n + 1)
    )


def _family(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"
