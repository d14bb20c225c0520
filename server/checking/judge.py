"""Whether an answer is what the question list expects. Rules, not a judge model: pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from server.answering.compose import REFUSED

_QUOTES = str.maketrans({c: "'" for c in "‘’‚‛′`´"} | {c: '"' for c in "“”„‟«»″"})
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
# A letter of a script that parts words by spaces and nothing is attached to: up to Armenian, and
# more Latin and Greek. Arabic and Korean join articles and particles, Chinese and Thai all words.
_LETTER = r"[^\W\d_\u0590-\u1dff\u2000-\U0010ffff]"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Given:
    """What was answered: cited addresses and quotes in their order, the first is the top one."""

    reply: str
    label: str
    urls: Sequence[str] = field(default_factory=tuple)
    quotes: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`why`: one sentence on why it does not pass, or on what a pass is worth less for."""

    passed: bool
    why: str = ""


def judge(expect: Mapping[str, str] | None, given: Given) -> Judgement:
    """Compare an answer with its expectation: {"url"}, {"phrase"}, or None for a refusal."""
    if expect is None:
        if given.label == REFUSED:
            return Judgement(True)
        return Judgement(False, f"It was answered ({given.label}), and must be refused.")
    if given.label == REFUSED:
        return Judgement(False, "It was refused, and must be answered.")
    if "url" in expect:
        return _judge_page(expect["url"], given.urls)
    return _judge_phrase(expect["phrase"], given)


def is_page(expected: str, cited: str) -> bool:
    """Whether a cited address leads to the expected page.

    Scheme, the host's case, a trailing slash and the way of escaping do not count; a fragment
    counts if the expectation has one. An expectation that begins with "/" fits any host, so that a
    list made for a staging site holds for the live one.
    """
    host, path, query, fragment = _parts(expected)
    cited_host, cited_path, cited_query, cited_fragment = _parts(cited)
    return (
        (host == cited_host or (not host and expected.lstrip().startswith("/")))
        and (path, query) == (cited_path, cited_query)
        and (not fragment or fragment == cited_fragment)
    )


def holds_phrase(phrase: str, text: str) -> bool:
    """Whether a text holds a phrase, whatever the case, spaces, kinds of quotes and dashes.

    Figures and words must stand by themselves: "130 days" does not hold "30 days", nor
    "unavailable" "available".
    """
    wanted = _plain(phrase)
    before = after = ""
    if wanted[:1].isdigit():
        before = r"(?<!\d)(?<!\d[.,])"
    elif re.match(_LETTER, wanted):
        before = f"(?<!{_LETTER})"
    if wanted[-1:].isdigit():
        after = r"(?!\d|[.,]\d)"
    elif re.match(_LETTER, wanted[-1:]):
        after = f"(?!{_LETTER})"
    return bool(wanted) and bool(re.search(before + re.escape(wanted) + after, _plain(text)))


def _judge_page(expected: str, urls: Sequence[str]) -> Judgement:
    places = [n for n, url in enumerate(urls, start=1) if is_page(expected, url)]
    if not places:
        if not urls:
            return Judgement(False, "No page is cited.")
        return Judgement(False, f"Another page is cited: {urls[0]}.")
    if places[0] > 1:
        return Judgement(True, f"The page is cited, but as number {places[0]}, not first.")
    return Judgement(True)


def _judge_phrase(phrase: str, given: Given) -> Judgement:
    if holds_phrase(phrase, given.reply):
        return Judgement(True)
    if any(holds_phrase(phrase, quote) for quote in given.quotes):
        return Judgement(True, "The phrase stands in a cited quote, not in the reply itself.")
    return Judgement(False, "The phrase stands neither in the reply nor in a cited quote.")


def _parts(address: str) -> tuple[str, str, str, str]:
    """Host, path, query and fragment as they are compared."""
    text = address.strip()
    try:
        split = urlsplit(text)
        host, port = (split.hostname or "").rstrip("."), split.port
    except ValueError:  # an address that no browser would take: only its exact like fits
        return "", text, "", ""
    if split.scheme not in _PORTS and split.scheme:
        # file:Handbook.pdf names an uploaded document.
        host, port = split.scheme, None
    if port and port != _PORTS.get(split.scheme):
        host = f"{host}:{port}"
    path = unquote(split.path).rstrip("/")
    return host, path, unquote(split.query), unquote(split.fragment)


def _plain(text: str) -> str:
    folded = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).translate(_QUOTES)
    return " ".join(_DASHES.sub("-", folded).split()).casefold()
