"""The rows of the Learn page and of its JSON: topics and gaps with their numbers in a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.store import Store
from server.store.assistants import Assistant
from server.store.curated import question_key
from server.store.database import now
from server.store.learnt import Asked, Example
from server.store.topics import GAP, TOPIC, Topic

_ROWS = 20
_EXAMPLES = 4
_POINTS = 12


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A topic with its numbers; `bar`: from 0 to 100; `trend`: points as SVG has them."""

    topic: Topic
    numbers: Asked
    bar: float
    trend: str


@dataclass(frozen=True, slots=True)
class GapRow:
    """A gap with its numbers and examples; `is_closed`: an approved answer fits it by now."""

    gap: Topic
    numbers: Asked
    examples: list[Example]
    is_closed: bool


def topic_rows(store: Store, assistant: Assistant, *, since: int) -> list[TopicRow]:
    """The topics that most visitors asked about."""
    known = {t.id: t for t in store.topics.all(assistant.id, TOPIC)}
    found = store.learnt.asked(assistant.id, TOPIC, since=since, limit=_ROWS)
    days = store.learnt.by_day(assistant.id, [one.id for one in found], since=since)
    most = max((one.visitors for one in found), default=1)
    return [
        TopicRow(
            known[one.id],
            one,
            round(100 * one.visitors / most, 1),
            trend(days.get(one.id, {}), first=since, last=now().toordinal()),
        )
        for one in found
        if one.id in known
    ]


def gap_rows(store: Store, assistant: Assistant, *, since: int) -> list[GapRow]:
    """The gaps that most visitors met; those that an answer has closed come last."""
    known = {t.id: t for t in store.topics.all(assistant.id, GAP)}
    found = store.learnt.asked(assistant.id, GAP, since=since, limit=_ROWS)
    # An answer that was added just now counts at once, not only from the next look on.
    answered = {
        question_key(wording)
        for one in store.curated.all(assistant.id)
        if one.status == "approved"
        for wording in one.wordings
    }
    ids = [one.id for one in found]
    said = store.learnt.examples(assistant.id, ids, since=since, limit=_EXAMPLES)
    rows = [
        GapRow(
            known[one.id],
            one,
            [example for example in said if example.gap_id == one.id],
            known[one.id].closed or question_key(known[one.id].question) in answered,
        )
        for one in found
        if one.id in known
    ]
    return sorted(rows, key=lambda row: row.is_closed)


def trend(by_day: Mapping[int, int], *, first: int, last: int) -> str:
    """A line of a dozen points in a box of 100 by 24: how often something was asked over time."""
    start = first or min(by_day, default=last)
    span = max(1, last - start + 1)
    count = min(_POINTS, span)
    sums = [0] * count
    for day, number in by_day.items():
        if start <= day <= last:
            sums[(day - start) * count // span] += number
    top = max(sums) or 1
    if count == 1:
        sums = sums * 2
    step = 100 / (len(sums) - 1)
    return " ".join(f"{n * step:.1f},{22 - 20 * s / top:.1f}" for n, s in enumerate(sums))
