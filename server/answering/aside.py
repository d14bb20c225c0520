"""Replies that need no new draft: courtesies, who is speaking, and the last answer told otherwise.

What was said before is cut, repeated or listed, never reworded: its sentences were checked, and
each keeps its citation. The label stays that of the answer they come from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from server.answering.citations import BETWEEN_QUOTES, Citations
from server.answering.compose import CURATED, REFUSED, SUPPORTED, UNCERTAIN, Reply
from server.answering.dialogue import Asked, Said
from server.answering.evidence import Evidence, EvidenceSentence
from server.answering.phrases import Phrase, base, own_name, say
from server.answering.wishes import FORMS, Kind
from server.store.assistants import Assistant, AssistantSettings

_MORE = 3
_MARKER = re.compile(r"(?:[-*•]|\d{1,3}[.)])\s")
_CONTACT = re.compile(r"[\w.+-]+@[\w-]+\.\w|https?://|www\.|\+?\d[\d /().-]{5,}\d")


@dataclass(frozen=True, slots=True)
class Aside:
    """A reply without a draft. `last`: the turn that it tells again, None for a fixed sentence."""

    reply: Reply
    last: Said | None = None


def aside(
    assistant: Assistant,
    asked: Asked,
    history: Sequence[Said],
    find: Callable[[str], Evidence],
) -> Aside | None:
    """The reply to what is no question to the content; None if it is one.

    `find` looks for evidence; it is asked only for more details.
    """
    language = asked.language or assistant.settings.language
    if asked.phrase is not None:
        return _fixed(_sentence(assistant, asked.phrase, language))
    if asked.kind not in FORMS:
        return None
    last = asked.last
    if last is None:
        nothing = say(Phrase.NOTHING_YET, language)
        return _fixed(_with_prompts(nothing, assistant.settings))
    if last.label == REFUSED:
        return Aside(again(last), last)
    if asked.kind is Kind.MORE:
        told = more(last, history, find(last.standalone))
        return Aside(told, last) if told else _fixed(say(Phrase.NOTHING_MORE, language))
    if asked.kind is Kind.SIMPLER:
        return Aside(_led(say(Phrase.SIMPLER, language), shorter(last)), last)
    retell = {Kind.SHORTER: shorter, Kind.LIST: listed}.get(asked.kind, again)
    return Aside(retell(last), last)


def refusal_text(settings: AssistantSettings, language: str | None) -> str:
    """The owner's refusal; the standard one in the visitor's language, with what may help."""
    if settings.refusal != _default("refusal"):
        return settings.refusal
    spoken = language or settings.language
    text = say(Phrase.REFUSAL, spoken)
    if base(spoken) == base(settings.language):
        return text
    return f"{text} {say(Phrase.OTHER_LANGUAGE, spoken, name=own_name(settings.language))}"


def again(last: Said) -> Reply:
    """The last answer with its citations."""
    return Reply(text=last.reply, label=last.label, citations=[dict(c) for c in last.citations])


def shorter(last: Said) -> Reply:
    """The one sentence of the last answer's evidence that carries it best; else its first."""
    for row in last.evidence:
        text = str(row["text"])
        citation = next((c for c in last.citations if text in _quotes(c)), None)
        if citation is not None and len(text) < len(last.reply):
            return Reply(text=text, label=last.label, citations=[_only(citation, text)])
    first, citation = next(_statements(last), (last.reply, None))
    first = _MARKER.sub("", first, count=1) if _MARKER.match(first) else first
    if len(first) >= len(last.reply):
        return again(last)
    cited = [dict(citation) | {"n": 1, "marks": [len(first)]}] if citation else []
    return Reply(text=first, label=last.label, citations=cited)


def listed(last: Said) -> Reply:
    """The last answer with a line for each of its statements."""
    statements = list(_statements(last))
    if len(statements) < 2 or "\n" in last.reply:
        return again(last)
    text = ""
    marks: dict[int, list[int]] = {}
    for statement, citation in statements:
        text += ("\n" if text else "") + f"- {statement}"
        if citation is not None:
            marks.setdefault(int(citation["n"]), []).append(len(text))
    cited = [dict(c) | {"marks": marks.get(int(c["n"]), [])} for c in last.citations]
    return Reply(text=text, label=last.label, citations=cited)


def more(last: Said, history: Sequence[Said], evidence: Evidence) -> Reply | None:
    """The next sentences of the cited section that no turn has shown; None if there are none."""
    shown = "\n".join(_flat(s.reply) + "\n" + _flat(_quote(s)) for s in history)
    section = _section(last, evidence)
    fresh = [s for s in section if _flat(s.text) not in shown][:_MORE]
    if not fresh:
        return None
    citations, text = Citations(fresh), ""
    for sentence in map(_with_marker, fresh):
        text += _between(text, sentence.quote) + sentence.quote
        citations.cite(sentence, len(text))
    label = last.label if last.label in (SUPPORTED, UNCERTAIN) else UNCERTAIN
    return Reply(text=text, label=label, citations=citations.rows())


def _fixed(text: str) -> Aside:
    return Aside(Reply(text=text, label=CURATED))


def _sentence(assistant: Assistant, phrase: Phrase, spoken: str) -> str:
    settings = assistant.settings
    if phrase is Phrase.GREETING and settings.greeting != _default("greeting"):
        return settings.greeting
    if phrase is Phrase.WHO:
        return " ".join([say(phrase, spoken, name=assistant.name), settings.about]).strip()
    if phrase is Phrase.CAN_DO:
        return _with_prompts(say(phrase, spoken), settings)
    if phrase is Phrase.NO_PERSON:
        if settings.contact:
            return say(phrase, spoken)  # the link beside it says the rest
        # Only what the owner wrote may name a way to reach somebody.
        reach = settings.refusal if _CONTACT.search(settings.refusal) else ""
        return f"{say(phrase, spoken)} {reach or say(Phrase.LOOK_FOR_CONTACT, spoken)}"
    return say(phrase, spoken)


def _with_prompts(text: str, settings: AssistantSettings) -> str:
    prompts = "\n".join(f"- {prompt}" for prompt in settings.suggested_prompts[:3])
    return f"{text}\n\n{prompts}" if prompts else text


def _default(name: str) -> Any:
    return AssistantSettings.model_fields[name].default


def _led(lead: str, reply: Reply) -> Reply:
    """A reply behind a lead: its marks move along."""
    by = len(lead) + 1
    cited = [dict(c) | {"marks": [m + by for m in c["marks"]]} for c in reply.citations]
    return replace(reply, text=f"{lead} {reply.text}", citations=cited)


def _statements(last: Said) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """The last answer cut where its citations stand: each statement with its citation."""
    ends = sorted((int(mark), c) for c in last.citations for mark in c.get("marks", []))
    start = 0
    for end, citation in sorted(ends, key=lambda e: e[0]):
        if statement := last.reply[start:end].strip():
            yield statement, citation
        start = max(start, end)
    if rest := last.reply[start:].strip():
        yield rest, None


def _only(citation: dict[str, Any], text: str) -> dict[str, Any]:
    """A citation of one of its sentences."""
    at = _quotes(citation).index(text)
    spans = citation.get("spans", [])
    return dict(citation) | {
        "n": 1,
        "quote": text,
        "spans": spans[at : at + 1],
        "marks": [len(text)],
    }


def _quotes(citation: dict[str, Any]) -> list[str]:
    return str(citation.get("quote", "")).split(BETWEEN_QUOTES)


def _quote(said: Said) -> str:
    return "\n".join(str(c.get("quote", "")) for c in said.citations)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _section(last: Said, evidence: Evidence) -> list[EvidenceSentence]:
    """The sentences of the section that was cited first, in reading order."""
    cited = str(last.citations[0].get("passage", "")) if last.citations else ""
    hits = sorted(evidence.hits, key=lambda h: h.passage.seq)
    home = next((h.passage for h in hits if h.passage.id == cited), None)
    if home is None:
        return []
    found: list[EvidenceSentence] = []
    for hit in hits:
        passage = hit.passage
        if (passage.page_id, passage.heading) != (home.page_id, home.heading):
            continue
        for start, end in passage.sentences:
            if passage.text[start:end].strip():
                found.append(EvidenceSentence(passage, start, end, 0.0))
    return found


def _with_marker(sentence: EvidenceSentence) -> EvidenceSentence:
    """An item of a list with the marker of its line, which belongs to no sentence."""
    line = sentence.passage.text.rfind("\n", 0, sentence.start) + 1
    lead = sentence.passage.text[line : sentence.start].lstrip()
    return replace(sentence, start=line) if _MARKER.fullmatch(lead) else sentence


def _between(text: str, following: str) -> str:
    """What stands between two quotes: a list keeps its lines."""
    if not text:
        return ""
    item = bool(_MARKER.match(text.rpartition("\n")[2]))
    if not _MARKER.match(following):
        return "\n\n" if item else " "
    return "\n" if item else "\n\n"
