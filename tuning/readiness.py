"""Readiness: is there enough to learn a voice from, or to ground in; if not, what is missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil

from server.store import Store
from server.store.assistants import Assistant
from tuning.config import TuningConfig
from tuning.data.grounding import answerable
from tuning.data.pairs import gather
from tuning.evaluation.asked import GROUNDING_FACTS

# Of 102 headings of the Debian FAQ 80 became rows: of the others something else is found first.
_BECOME_ROWS = 0.75


@dataclass(frozen=True, slots=True)
class Readiness:
    """`pairs`: replies fit to learn from as far as can be told before evidence is looked up."""

    ready: bool
    pairs: int
    floor: int
    origins: dict[str, int]
    dropped: dict[str, int]
    sentence: str


def readiness(store: Store, assistant: Assistant, config: TuningConfig) -> Readiness:
    """Count what a run could learn from now."""
    candidates, dropped = gather(store, assistant)
    origins = Counter(candidate.origin for candidate in candidates)
    return judge(len(candidates), origins, dropped, config)


@dataclass(frozen=True, slots=True)
class ContentReadiness:
    """`headings`: those with an answer below them; `needed`: of them, with those that are kept
    aside and those for which something else would be found."""

    ready: bool
    headings: int
    needed: int
    sentence: str


def content_readiness(store: Store, assistant: Assistant, config: TuningConfig) -> ContentReadiness:
    """Count what a grounding run could learn from now, before any evidence is looked up."""
    headings = len(answerable(store.knowledge.passages(assistant_id=assistant.id, vectors=False)))
    needed = ceil(config.grounding_floor / _BECOME_ROWS) + GROUNDING_FACTS
    ready = headings >= needed
    told = _enough_content(headings) if ready else _missing_content(headings, needed)
    return ContentReadiness(ready, headings, needed, told)


def judge(
    pairs: int, origins: Counter[str], dropped: Counter[str], config: TuningConfig
) -> Readiness:
    """Say whether so many pairs are enough."""
    ready = pairs >= config.pairs_floor
    return Readiness(
        ready=ready,
        pairs=pairs,
        floor=config.pairs_floor,
        origins=dict(origins),
        dropped=dict(dropped),
        sentence=_enough(pairs) if ready else _missing(pairs, dropped, config),
    )


def _enough(pairs: int) -> str:
    return f"{pairs} replies are ready; a run can be started."


def _enough_content(headings: int) -> str:
    return (
        f"{headings} headings of the content have an answer below them: a grounding run can teach "
        "the model to answer from it in its own words, without any reply of yours."
    )


def _missing_content(headings: int, needed: int) -> str:
    return (
        f"A grounding run needs {needed} headings with an answer below them and the content has "
        f"{headings}; until then the content is quoted where the model's own words do not stand."
    )


def _missing(pairs: int, dropped: Counter[str], config: TuningConfig) -> str:
    wanted = config.pairs_floor - pairs
    told = (
        f"There are {pairs} replies to learn from and {config.pairs_floor} are needed: approve or "
        f"correct {wanted} more answers, or import example replies with parlance voice import."
    )
    if dropped:
        reason, count = dropped.most_common(1)[0]
        told += f" {count} were left out because {reason}."
    return told
