"""The readiness meter: is there enough to learn a voice from, of what, and what to do next.

It may say no. On top of the count (`tuning.readiness`) it tells how much of the content the replies
touch, where they contradict each other, how long they are, and how sure a result would be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist, quantiles
from typing import Any

from server.answering.contradictions import contradictions
from server.answering.curated import Approved
from server.answering.words import content_words
from server.store import Store
from server.store.assistants import Assistant
from server.store.curated import question_key
from server.store.material import VOICE, Material, Reply, TopicPage, Waiting
from server.store.runs import VOICE as VOICE_RUN
from tuning.config import TuningConfig
from tuning.readiness import Readiness, readiness

# With so many a first voice is clear; the floor only says that one can be told at all.
_CLEAR = 100
_LISTED = 8
_MOST_LOOKED_UP = 500
# Long replies teach length: the longest tenth should not be several times the shortest tenth.
_SPREAD = 6.0
_STYLE_TARGET = 0.9
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Meter:
    """`pages`: {"all", "touched", "missing": [title]}; `lengths`: words, {"low", "middle",
    "high", "balanced"}; `expected`: {"held_out", "half_width"}, the 95 % half width of a share of
    about 90 % among the held-out replies; `next_steps`: sentences, the most useful first;
    `review_next`: [{"turn", "conversation", "question", "why"}]."""

    ready: bool
    pairs: int
    floor: int
    clear: int
    new: int
    origins: dict[str, int]
    dropped: dict[str, int]
    sentence: str
    pages: dict[str, Any]
    contradictions: list[dict[str, str]]
    lengths: dict[str, Any]
    expected: dict[str, Any]
    next_steps: list[str]
    review_next: list[dict[str, str]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure(store: Store, assistant: Assistant, config: TuningConfig) -> Meter:
    """Read the meter of an assistant now."""
    found = readiness(store, assistant, config)
    material = Material(store.database)
    kept_out = store.exclusions.reasons(assistant.id)
    replies = [r for r in material.replies(assistant.id) if r.subject_id not in kept_out]
    pages = material.pages(assistant.id)
    touched = _touched(store, material, assistant.id, replies)
    missing = [page for page in pages if page.id not in touched]
    review = review_next(material.waiting(assistant.id), {page.id: page for page in missing})
    clashes = _contradictions(replies)
    lengths = length_balance([reply.reply for reply in replies])
    expected = expected_interval(found.pairs, config)
    return Meter(
        ready=found.ready,
        pairs=found.pairs,
        floor=found.floor,
        clear=_CLEAR,
        new=new_replies(store, assistant.id, replies),
        origins=found.origins,
        dropped=found.dropped,
        sentence=found.sentence,
        pages={
            "all": len(pages),
            "touched": len(pages) - len(missing),
            "missing": [page.title or page.url for page in missing[:_LISTED]],
        },
        contradictions=clashes,
        lengths=lengths,
        expected=expected,
        next_steps=next_steps(found, missing, clashes, lengths, len(review)),
        review_next=review,
    )


def new_replies(store: Store, assistant_id: str, replies: Sequence[Reply]) -> int:
    """How many replies came in since the last run on replies was asked for, however it ended."""
    runs = [run for run in store.runs.of_assistant(assistant_id) if run.kind == VOICE_RUN]
    return sum(not runs or reply.created_at > runs[0].created_at for reply in replies)


def expected_interval(pairs: int, config: TuningConfig) -> dict[str, Any]:
    """How many replies would be kept aside, and how sure a share measured on them is.

    Half the width of Wilson's 95 % interval at the target of 90 %.
    """
    held = max(math.ceil(config.held_out * pairs), min(config.held_out_floor, max(pairs, 0) // 3))
    if not held:
        return {"held_out": 0, "half_width": None}
    p, z = _STYLE_TARGET, _Z
    half = z * math.sqrt(p * (1 - p) / held + z * z / (4 * held * held)) / (1 + z * z / held)
    return {"held_out": held, "half_width": round(half, 3)}


def length_balance(texts: Sequence[str]) -> dict[str, Any]:
    """How many words the replies have: a tenth are shorter than `low`, a tenth longer than
    `high`."""
    words = sorted(len(text.split()) for text in texts)
    if len(words) < 2:
        middle = words[0] if words else 0
        return {"low": middle, "middle": middle, "high": middle, "balanced": True}
    tenths = quantiles(words, n=10, method="inclusive")
    low, middle, high = round(tenths[0]), round(tenths[4]), round(tenths[8])
    return {
        "low": low,
        "middle": middle,
        "high": high,
        "balanced": high <= _SPREAD * max(low, 1),
    }


def review_next(waiting: Sequence[Waiting], missing: dict[str, TopicPage]) -> list[dict[str, str]]:
    """Which answers to judge next: disliked ones, then those on pages that no reply touches yet;
    one for each such page."""
    told: list[tuple[int, Waiting, str]] = []
    seen: set[str] = set()
    for turn in waiting:
        fresh = next((page for page in turn.pages if page in missing and page not in seen), None)
        if turn.disliked:
            told.append((0, turn, "a visitor disliked it"))
        elif fresh is not None:
            seen.add(fresh)
            name = missing[fresh].title or missing[fresh].url
            told.append((1, turn, f"no reply touches “{name[:80]}” yet"))
        else:
            told.append((2, turn, "it waits for a verdict"))
    # The order within a group stays: the newest first.
    return [
        {
            "turn": turn.id,
            "conversation": turn.conversation_id,
            "question": turn.question[:300],
            "why": why,
        }
        for _, turn, why in sorted(told, key=lambda one: one[0])[:_LISTED]
    ]


def next_steps(
    found: Readiness,
    missing: Sequence[TopicPage],
    clashes: Sequence[dict[str, str]],
    lengths: dict[str, Any],
    waiting: int,
) -> list[str]:
    """What to do next, in sentences; the first helps most."""
    steps = []
    if clashes:
        steps.append(
            f"Settle {_counted(len(clashes), 'contradiction')}: which of two replies is right is "
            "a question of fact, and a run learns from neither."
        )
    if not found.ready:
        wanted = found.floor - found.pairs
        if waiting:
            steps.append(f"Approve or correct {_counted(wanted, 'more answer')}: see below which.")
        steps.append(
            "Import replies that you wrote yourself; twenty to a hundred are a good start."
        )
        steps.append(
            "Until then, say in the settings how it should sound (tone, guidelines), and write "
            "curated answers to the questions that come most: both work at once and need no run."
        )
    elif found.pairs < _CLEAR:
        wanted = _CLEAR - found.pairs
        steps.append(f"A run can be started. {wanted} more replies would give a clearer voice.")
    else:
        steps.append("Start a run.")
    if found.ready and missing and waiting:
        steps.append(
            f"{_counted(len(missing), 'page')} of the content {_are(len(missing))} not touched by "
            "any reply: judge the answers below."
        )
    if not lengths["balanced"]:
        steps.append(
            f"The replies are of very unlike length ({lengths['low']} to {lengths['high']} words): "
            "a voice learns length too, so shorten or leave out the extremes."
        )
    return steps


def _touched(
    store: Store, material: Material, assistant_id: str, replies: Sequence[Reply]
) -> set[str]:
    """The pages that replies were given from; for the owner's own, where its question leads."""
    touched = {page for reply in replies for page in reply.pages}
    own = [reply for reply in replies if reply.origin == VOICE][:_MOST_LOOKED_UP]
    hits = [store.lexical.search(assistant_id, reply.question, limit=1) for reply in own]
    return touched | material.pages_of([hit.id for found in hits for hit in found])


def _contradictions(replies: Sequence[Reply]) -> list[dict[str, str]]:
    """Replies to nearly one question that say different things."""
    by_id = {reply.origin_id: reply for reply in replies}
    questions = [
        Approved(
            kind=reply.origin,
            id=reply.origin_id,
            question=reply.question,
            key=question_key(reply.question),
            words=frozenset(content_words(reply.question)),
            vector=None,
        )
        for reply in by_id.values()
    ]
    found = contradictions(questions, {id: reply.reply for id, reply in by_id.items()})
    return [
        {
            "one": clash.one.id,
            "other": clash.other.id,
            "question": clash.one.question[:300],
            "reason": clash.reason,
            "one_reply": by_id[clash.one.id].reply[:600],
            "other_reply": by_id[clash.other.id].reply[:600],
        }
        for clash in found[:_LISTED]
    ]


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
