"""What could stand on the question list: headings of the content, and what visitors asked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from server.answering.wishes import FORMS, Kind
from server.answering.words import content_words
from server.errors import AppError, Invalid
from server.store import Store
from server.store.checks import NewCheck
from server.store.conversations import Turn
from server.store.knowledge import section_of

_SENTENCE = re.compile(r"(?<=[.!?…。！？])\s+|\n")
_LEAST_WORDS = 2
# Kinds that ask nothing of the content, and kinds that lean on what was said before.
_NO_QUESTION = frozenset({*FORMS, Kind.META, Kind.COURTESY})
_LEANING = frozenset({Kind.FOLLOW_UP, Kind.CORRECTION})
_FEW = 5
_RECENT = 60


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question with what it should be expected to give; `origin`: heading or visitor."""

    check: NewCheck
    origin: str


def suggestions(store: Store, assistant_id: str) -> list[Suggestion]:
    """A few questions that are not on the list: headings of the content, then recent visitors'."""
    known = {NewCheck(c.question, None).key for c in store.checks.of_assistant(assistant_id)}
    found: list[Suggestion] = []
    for origin, offered in (
        ("heading", _from_headings(store, assistant_id)),
        ("visitor", _from_visitors(store, assistant_id)),
    ):
        fresh = []
        for check in offered:
            if check.key not in known:
                known.add(check.key)
                fresh.append(Suggestion(check, origin))
        found += fresh[:_FEW]
    return found


def check_from_turn(store: Store, turn: Turn) -> NewCheck:
    """A visitor's turn as a question of the list: it must go on as it went.

    Refused stays refused; otherwise the top cited page must be cited, and without a citation the
    first sentence of the reply must be said. Invalid if it asks nothing by itself.
    """
    question = question_of(turn)
    if question is None:
        raise Invalid(
            "This cannot be asked without the conversation before it.",
            hint="Add the question it belongs to, or write one on the question list.",
        )
    return NewCheck(question, _expected(store, turn), turn.id)


def question_of(turn: Turn) -> str | None:
    """What a turn asked, as it must be put to be a first question; None if it is no such thing.

    A run knows no conversation: "What about teams?" could never pass.
    """
    kind = turn.signals.get("kind")
    if kind in _LEANING:
        return str(turn.signals.get("asked") or "") or None
    # What has a curated answer is a question to the owner, whatever it looks like.
    if kind in _NO_QUESTION and not turn.signals.get("curated"):
        return None
    return turn.question


def _from_headings(store: Store, assistant_id: str) -> list[NewCheck]:
    pages: dict[str, list[str]] = {}
    for heading in store.checks.question_headings(assistant_id):
        text = section_of(heading.text)
        if len(set(content_words(text))) >= _LEAST_WORDS:
            pages.setdefault(text, []).append(heading.url)
    # A heading that stands on several pages has no page that must be cited. An FAQ's pairs tell
    # themselves apart by a fragment, which a citation of the pair has too.
    return [NewCheck(text, {"url": urls[0]}) for text, urls in pages.items() if len(urls) == 1]


def _from_visitors(store: Store, assistant_id: str) -> list[NewCheck]:
    found = []
    for turn in store.conversations.newest_turns(assistant_id, limit=_RECENT):
        words = set(content_words(question_of(turn) or ""))
        if len(words) >= _LEAST_WORDS and turn.label:
            try:
                found.append(check_from_turn(store, turn))
            except AppError:
                continue
    return found


def _expected(store: Store, turn: Turn) -> dict[str, str] | None:
    if turn.label == "refused":
        return None
    for citation in turn.citations:
        # An uploaded document has no link, but its page has a name.
        url = citation.get("url") or store.checks.page_address(
            turn.assistant_id, str(citation.get("page") or "")
        )
        if url:
            return {"url": _page(str(url))}
    return {"phrase": _SENTENCE.split(turn.reply.strip(), maxsplit=1)[0]}


def _page(url: str) -> str:
    """The page without the place on it; what tells an FAQ's pairs apart stays."""
    page, _, fragment = url.partition("#")
    return url if fragment.startswith(":~:") else page
