"""The state an assistant answers in, and what differs between two runs over its question list."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from server.errors import Unavailable
from server.llm.voice import Voices
from server.prompt import PROMPT_VERSION
from server.store import Store
from server.store.assistants import Assistant
from server.store.check_runs import CheckRun, Fingerprints
from server.store.checks import question_key

# What only the widget shows. All else counts as manner: a setting added later is not missed.
_BRAND = frozenset(
    "origins color logo_url position theme placeholder suggested_prompts privacy_url".split()
)
_WORDS = {
    "content": "content",
    "manner": "manner",
    "prompt": "prompt",
    "adapter": "voice",
    "questions": "question list",
}


def fingerprints(store: Store, assistant: Assistant, voices: Voices) -> Fingerprints:
    """The present state of what answers for an assistant."""
    chosen = assistant.settings.model_dump()
    manner = {name: value for name, value in chosen.items() if name not in _BRAND}
    told = json.dumps([assistant.name, manner], sort_keys=True, default=str)
    return Fingerprints(
        content=store.check_runs.content(assistant.id),
        manner=blake2b(told.encode("utf-8", "replace"), digest_size=16).hexdigest(),
        prompt_version=PROMPT_VERSION,
        adapter=_digest(store, assistant, voices),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run beside the finished one before it.

    `changed`: content, manner, prompt, adapter, questions. `fixed` and `broken`: questions that
    pass now or fail now, among those that both runs asked with the same expectation.
    """

    before: CheckRun
    changed: tuple[str, ...]
    fixed: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What changed and what it did, for a person."""
        cause = _listed([_WORDS[name] for name in self.changed])
        moved = []
        if self.fixed:
            moved.append(f"{len(self.fixed)} more {'passes' if len(self.fixed) == 1 else 'pass'}")
        if self.broken:
            moved.append(f"{len(self.broken)} now {'fails' if len(self.broken) == 1 else 'fail'}")
        effect = ", ".join(moved) or "the same questions pass"
        return f"{cause[:1].upper()}{cause[1:]} changed: {effect}." if cause else _upper(effect)


def compare(run: CheckRun, before: CheckRun) -> Comparison:
    """What changed between two runs, and which questions came out differently."""
    now, then = run.fingerprints, before.fingerprints
    states = {
        "content": now.content != then.content,
        "manner": now.manner != then.manner,
        "prompt": now.prompt_version != then.prompt_version,
        "adapter": now.adapter != then.adapter,
        "questions": set(_asked(run)) != set(_asked(before)),
    }
    earlier = _asked(before)
    fixed: list[str] = []
    broken: list[str] = []
    for key, row in _asked(run).items():
        if key in earlier and row["passed"] != earlier[key]["passed"]:
            (fixed if row["passed"] else broken).append(str(row["question"]))
    return Comparison(
        before=before,
        changed=tuple(name for name, differs in states.items() if differs),
        fixed=tuple(fixed),
        broken=tuple(broken),
    )


def _digest(store: Store, assistant: Assistant, voices: Voices) -> str | None:
    """The adapter that answers; the one that should, while no model can."""
    try:
        return voices.voice(assistant.id).digest
    except Unavailable:
        active = store.adapters.active(assistant.id)[1]
        return active.digest if active else None


def _asked(run: CheckRun) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (question_key(row["question"]), json.dumps(row["expect"], sort_keys=True)): row
        for row in run.results
        if row["passed"] is not None
    }


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
