"""Replaying the dialogues and searching the pairs; what came of it as a table and as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from server.answering.dialogue import Said, understand
from server.answering.evidence import Evidence, find_evidence
from server.answering.standalone import fit
from server.answering.wishes import Kind
from server.retrieval.hybrid import Retriever
from server.store.conversations import Turn
from tests.talk.dialogues import (
    AGAIN,
    COURTESY,
    LIST,
    META,
    MORE,
    NOTHING,
    REFUSED,
    SHORTER,
    Dialogue,
    Line,
)
from tests.talk.manual import Desk, heading_of
from tests.talk.pairs import Pair


@dataclass(frozen=True, slots=True)
class Told:
    """One line as it was answered, and whether what was expected came of it."""

    line: Line
    turn: Turn
    held: bool


def replay(desk: Desk, dialogue: Dialogue, *, forgetful: bool = False) -> list[Told]:
    """Hold one dialogue through the whole pipeline.

    `forgetful`: each turn in a conversation of its own, to show what the history is worth.
    """
    store = desk.store
    told: list[Told] = []
    conversation = None
    for line in dialogue.lines:
        if conversation is None or forgetful:
            conversation = store.conversations.start(
                desk.assistant.id, visitor_id="vis_replay", token_hash="", page_url=""
            )
        live = desk.chat.ask(desk.assistant, conversation, line.question)
        for _ in live.follow():
            pass
        turn = store.conversations.turn(live.turn.id)
        told.append(Told(line, turn, holds(line, turn, [t.turn for t in told])))
    return told


def holds(line: Line, turn: Turn, before: Sequence[Turn]) -> bool:
    """Whether a turn came to what its line expects."""
    last = next((t for t in reversed(before) if t.citations), None)
    kind = str(turn.signals.get("kind"))
    if line.expected in (COURTESY, META):
        return turn.label == "curated" and kind == line.expected.strip("()")
    if line.expected == NOTHING:
        return turn.label == "curated" and not turn.citations
    if line.expected == REFUSED:
        return turn.label == "refused"
    if line.kind == "section":
        return _cited(turn) == line.expected
    if last is None or not turn.citations or _cited(turn) != _cited(last):
        return False
    return {
        SHORTER: len(turn.reply) < len(last.reply),
        AGAIN: turn.reply == last.reply,
        LIST: "- " in turn.reply and kind == Kind.LIST,
        MORE: turn.reply != last.reply and kind == Kind.MORE,
    }[line.expected]


Query = Callable[[Pair], Evidence]


def queries(retriever: Retriever, assistant_id: str) -> dict[str, Query]:
    """Three ways to search a follow-up: as it is, behind the question before, as understood."""

    def find(question: str) -> Evidence:
        return find_evidence(retriever, assistant_id, question)

    def understood(pair: Pair) -> Evidence:
        asked = understand(pair.question, [Said(pair.before, "…", kind=Kind.QUESTION)])
        return max(map(find, asked.readings), key=lambda e: fit(e, asked.new))

    return {
        "as it is": lambda pair: find(pair.question),
        "behind the question before": lambda pair: find(f"{pair.before} {pair.question}"),
        "as understood": understood,
    }


def top_heading(evidence: Evidence) -> str:
    return heading_of(evidence.sentences[0].passage.heading) if evidence.sentences else ""


def recall(pairs: Iterable[Pair], query: Query) -> dict[str, tuple[int, int]]:
    """For each kind of pair: how many found their section first, of how many."""
    found: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for pair in pairs:
        total[pair.kind] += 1
        found[pair.kind] += top_heading(query(pair)) == pair.heading
    return {kind: (found[kind], total[kind]) for kind in total}


def recalls(pairs: Sequence[Pair], ways: dict[str, Query]) -> str:
    """The right section first, for each way to search, kind of pair and set."""
    lines = ["The right section first (recall@1), follow-ups to questions of the manual:"]
    for name in ("tuned", "kept"):
        chosen = [p for p in pairs if p.set == name]
        for way, query in ways.items():
            found = recall(chosen, query)
            hits, total = map(sum, zip(*found.values(), strict=True))
            kinds = ", ".join(f"{kind} {n}/{of}" for kind, (n, of) in found.items())
            lines.append(f"{name:6} {way:27} {hits:2}/{total} = {hits / total:.2f}  ({kinds})")
    return "\n".join(lines)


def misses(dialogues: Sequence[tuple[Dialogue, list[Told]]]) -> str:
    """The turns that came to something else than expected, one a line."""
    return "\n".join(
        f"missed: {d.name}: {t.line.question!r} expected {t.line.expected!r},"
        f" got {t.turn.label} {_cited(t.turn)!r} (searched {t.turn.signals.get('asked')!r})"
        for d, told in dialogues
        for t in told
        if not t.held
    )


def table(dialogues: Sequence[tuple[Dialogue, list[Told]]]) -> str:
    """How many expectations held, by kind and in all."""
    held: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for _, told in dialogues:
        for one in told:
            for kind in (one.line.kind, "all"):
                total[kind] += 1
                held[kind] += one.held
    order = [*sorted(k for k in total if k != "all"), "all"]
    return "\n".join(f"{kind:15} {held[kind]:3} of {total[kind]:3}" for kind in order)


def page(dialogues: Sequence[tuple[Dialogue, list[Told]]], figures: str) -> str:
    """The transcripts as one readable page."""
    parts = "".join(_section(dialogue, told) for dialogue, told in dialogues)
    return _PAGE.format(figures=escape(figures), parts=parts)


def _cited(turn: Turn) -> str:
    return heading_of(str(turn.citations[0]["title"])) if turn.citations else ""


def _section(dialogue: Dialogue, told: Sequence[Told]) -> str:
    return f"<section><h2>{escape(dialogue.name)}</h2>{''.join(map(_turn, told))}</section>"


def _turn(told: Told) -> str:
    turn = told.turn
    searched = str(turn.signals.get("asked") or "")
    asked = f"<p class=note>searched: {escape(searched)}</p>" if searched else ""
    cited = "".join(f"<li>{escape(str(c['title']))}</li>" for c in turn.citations)
    mark = "held" if told.held else "missed"
    return (
        f"<article class={mark}><p class=visitor>{escape(turn.question)}</p>{asked}"
        f"<p class=reply>{escape(turn.reply)}</p><ol>{cited}</ol>"
        f"<p class=note>{escape(turn.label)} · {escape(str(turn.signals.get('kind')))} · expected"
        f" {escape(told.line.expected)}: <b>{mark}</b></p></article>"
    )


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Twenty dialogues with the manual</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }}
article {{ border-left: 4px solid #2a7d4f; padding: .25rem 1rem; margin: 1rem 0; }}
article.missed {{ border-color: #b3261e; }}
.visitor {{ font-weight: 600; margin: 0; }}
.reply {{ white-space: pre-wrap; margin: .5rem 0; }}
.note {{ opacity: .7; font-size: .85rem; margin: .25rem 0; }}
ol {{ font-size: .85rem; margin: 0; padding-left: 1.5rem; }}
pre {{ overflow-x: auto; }}
</style>
<h1>Twenty dialogues with the manual</h1>
<p>Replayed through the whole pipeline with the default model. A green edge: what was expected came
of the turn; a red one: it did not.</p>
<pre>{figures}</pre>
{parts}
</html>
"""
