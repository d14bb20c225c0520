"""The list of conversations with its filters, and one conversation with all that was behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for

from server.answering.freshness import as_they_stand
from server.store.assistants import Assistant
from server.store.conversations import Conversation, Filter, Listed, Turn
from server.store.curated import Curated
from server.store.overview import Overview
from server.store.reviews import FAULTS, VERDICTS, Review
from server.web import auth
from server.web.console.shell import assistant_at, back_to, blueprint, is_htmx, show

LABELS = ("supported", "uncertain", "refused", "curated", "handed_over")
_PER_PAGE = 30
# What the Learn page links with.
_LEARNT = ("topic", "gap", "page", "source")
_LONGEST = 3650
_CHOICES = {
    "label": LABELS,
    "feedback": ("up", "down"),
    "verdict": ("none", *VERDICTS),
    "bad": ("any", "judged"),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A turn with its reviews and, after a refused verdict, what the reviewer had typed."""

    turn: Turn
    feedback: str | None
    reviews: list[Review]
    typed: dict[str, str] | None = None
    error: str = ""
    curated: Curated | None = None

    @property
    def verdict(self) -> Review | None:
        """The review in force."""
        return self.reviews[-1] if self.reviews else None

    @property
    def form(self) -> dict[str, str]:
        """What the review form starts with: what was typed, the last correction, or the reply."""
        if self.typed is not None:
            return self.typed
        last = self.verdict
        return {
            "verdict": "",
            "fault": (last.fault if last else None) or "",
            "reply": (last.reply if last else None) or self.turn.reply,
            "note": last.note if last else "",
        }


@blueprint.get("/<key>/conversations")
@auth.require("viewer")
def conversations(key: str) -> Response:
    assistant = assistant_at(key)
    chosen = _chosen()
    found = auth.services().store.conversations.list(assistant.id, chosen)
    template = "_conversation_list.html" if is_htmx() else "conversations.html"
    return show(
        template,
        assistant=assistant,
        listed=found[:_PER_PAGE],
        older=_older(key, found),
        filters=_given() | ({"days": chosen.days} if chosen.days else {}),
        learnt=_in_words(assistant, chosen),
        choices=_CHOICES,
    )


@blueprint.get("/<key>/conversations/<conversation_id>")
@auth.require("viewer")
def conversation(key: str, conversation_id: str) -> Response:
    assistant = assistant_at(key)
    found = auth.services().store.conversations.get(assistant.id, conversation_id)
    return conversation_page(assistant, found)


@blueprint.get("/<key>/next")
@auth.require("viewer")
def next_waiting(key: str) -> Response:
    """Go to the next turn that waits for a verdict (older than `after`, then from the newest)."""
    assistant = assistant_at(key)
    after = request.args.get("after", type=int)
    found = Overview(auth.services().store.database).next_waiting(assistant.id, before=after)
    if found is None:
        return back_to("conversations", key=key, done="nothing-waiting")
    return back_to("conversation", key=key, conversation_id=found[0], _anchor=found[1])


def conversation_page(
    assistant: Assistant, found: Conversation, *, instead: Judged | None = None, status: int = 200
) -> Response:
    """Show a conversation; `instead` replaces one of its turns (a verdict that was refused)."""
    store = auth.services().store
    turns = as_they_stand(store.knowledge, store.conversations.turns(found.id))
    judged = [instead if instead and instead.turn.id == t.id else judged_turn(t) for t in turns]
    return show(
        "conversation.html",
        status=status,
        assistant=assistant,
        conversation=found,
        turns=judged,
        faults=FAULTS,
    )


def judged_turn(turn: Turn, *, typed: dict[str, str] | None = None, error: str = "") -> Judged:
    """A turn with its thumbs and reviews as they are now."""
    store = auth.services().store
    feedback = store.conversations.feedback([turn.id]).get(turn.id)
    curated = store.curated.of_turn(turn.id)
    return Judged(turn, feedback, store.reviews.of_turn(turn.id), typed, error, curated)


def _given() -> dict[str, str]:
    """The filters of the address that mean something."""
    given = {name: request.args.get(name, "") for name in _CHOICES}
    known = {name: value for name, value in given.items() if value in _CHOICES[name]}
    texts = {n: request.args.get(n, "").strip()[:200] for n in ("text", *_LEARNT)}
    return known | {name: value for name, value in texts.items() if value}


def _chosen() -> Filter:
    before = request.args.get("before", type=int)
    # One more than a page shows tells whether there is another page.
    return Filter(**_given(), days=_days(), before=before, limit=_PER_PAGE + 1)


def _days() -> int | None:
    """How many days back, today among them; None: all."""
    days = request.args.get("days", type=int)
    return days if days and 0 < days <= _LONGEST else None


def _in_words(assistant: Assistant, chosen: Filter) -> str:
    """What the Learn page narrowed the list to; empty if nothing."""
    store = auth.services().store
    told = []
    if named := chosen.topic or chosen.gap:
        told.append(f"about “{store.topics.get(assistant.id, named).name}”")
    if chosen.page or chosen.source:
        told.append("that cite this page" if chosen.page else "that cite this source")
    if chosen.bad:
        told.append("with an answer that was none" if chosen.bad == "any" else "that went wrong")
    if told and chosen.days:
        told.append(f"of the last {chosen.days} days")
    return ", ".join(told)


def _older(key: str, found: list[Listed]) -> str | None:
    if len(found) <= _PER_PAGE:
        return None
    values: dict[str, Any] = {**_given(), "days": _days(), "before": found[_PER_PAGE - 1].seq}
    return url_for("console.conversations", key=key, **values)
