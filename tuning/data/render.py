"""Rendering: a candidate with its facts and today's prompt, personal data taken out of both."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from server.answering.answer import persona_of
from server.answering.dialogue import Said
from server.answering.wishes import Kind
from server.prompt import PROMPT_VERSION, build_messages
from server.store import Store
from server.store.assistants import Assistant
from server.store.conversations import Turn
from tuning.data.candidates import Candidate, Messages
from tuning.data.context import FindFacts, found_facts
from tuning.data.redact import Public, mask

History = list[tuple[str, str]]

_PLACEHOLDER = re.compile(r"\[(?:email|phone|iban|card|ip|address|name)\]")
# "Hello [name]!": the greeting stands without it.
_ADDRESSED = re.compile(r"(?<=\w),? \[name\](?=\s*[,.!:;–-])")
_ENDED = ("complete", "stopped")
PERSONAL = "its reply holds personal data"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A candidate as it would be learnt: `messages` is the prompt, the candidate's texts are
    masked. `masked`: values replaced or taken out, by kind; `reason`: why it cannot be learnt."""

    candidate: Candidate
    facts: tuple[str, ...]
    messages: Messages
    masked: Counter[str] = field(default_factory=Counter)
    reason: str | None = None


class Renderer:
    """Renders candidates of one assistant. `find_facts` gives the evidence serving would find."""

    def __init__(self, store: Store, assistant: Assistant, find_facts: FindFacts) -> None:
        self._assistant = assistant
        self._persona = persona_of(assistant)
        self._find_facts = find_facts
        self._earlier: Callable[[Candidate], History] = lambda c: _said_before(store, c)

    @property
    def owner(self) -> str:
        """What the owner says of themselves: names and contacts in it are no secret."""
        chosen = self._assistant.settings
        texts = [self._assistant.name, chosen.about, chosen.contact, chosen.refusal]
        return "\n".join([*texts, *chosen.guidelines, chosen.greeting])

    def facts(self, candidate: Candidate) -> tuple[str, ...]:
        """What a candidate rests on: known from its turn or its own context, or looked up."""
        if candidate.facts is not None:
            return candidate.facts
        return tuple(found_facts(candidate.question, candidate.completion, self._find_facts))

    def render(self, candidate: Candidate, facts: Sequence[str]) -> Rendered:
        """Today's prompt with what personal data stood in it masked."""
        sent = self._sent(candidate)
        before = _history_of(sent) if sent else self._earlier(candidate)
        said = [text for pair in before for text in pair]
        whole = [candidate.question, candidate.asked, candidate.completion, candidate.draft, *said]
        found = mask(whole, Public((*facts, self.owner)))
        question, asked, completion, draft, *rest = found.texts
        completion = _ADDRESSED.sub("", completion)
        if sent is None or found.counts:
            history = list(zip(rest[::2], rest[1::2], strict=True))
            built = build_messages(self._persona, question, list(facts), history=history)
            sent = [{"role": m["role"], "content": m["content"]} for m in built]
        changed = replace(
            candidate,
            question=question,
            asked=asked,
            completion=completion,
            draft="" if _PLACEHOLDER.search(draft) else draft,
        )
        turns_on_it = found.counts and _PLACEHOLDER.search(completion)
        reason = PERSONAL if turns_on_it else None
        return Rendered(changed, tuple(facts), sent, found.counts, reason)

    def _sent(self, candidate: Candidate) -> Messages | None:
        """What was sent, if it was sent in today's form, with what the owner wrote since."""
        sent = candidate.messages
        if not sent or candidate.prompt_version != PROMPT_VERSION or len(sent) < 2:
            return None
        system = build_messages(self._persona, "", ())[0]
        return [{"role": system["role"], "content": system["content"]}, *sent[1:]]


def _history_of(messages: Messages) -> History:
    earlier = [m["content"] for m in messages[1:-1]]
    return list(zip(earlier[::2], earlier[1::2], strict=False))


def _said_before(store: Store, candidate: Candidate) -> History:
    """Earlier answers of the conversation, as serving would put them before the question."""
    if candidate.lineage.turn_id is None:
        return []
    turn = store.conversations.turn(candidate.lineage.turn_id)
    earlier = store.conversations.turns(turn.conversation_id)
    told = [t for t in earlier if t.seq < turn.seq and t.status in _ENDED and t.reply]
    return [(t.question, t.reply) for t in told if _is_answer(t)]


def _is_answer(turn: Turn) -> bool:
    kind = str(turn.signals.get("kind") or Kind.QUESTION)
    return Said(turn.question, turn.reply, label=turn.label, kind=kind).is_answer
