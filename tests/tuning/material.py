"""Pairs as a run freezes them and answers as serving gives them, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from server.answering.answer import Outcome
from server.answering.compose import Reply, compose, refusal
from server.answering.evidence import Evidence, EvidenceSentence
from server.prompt import Persona, build_messages
from server.store.knowledge import Passage
from server.store.pairs import Pair
from tuning.data.split import TRAIN
from tuning.evaluation.answers import Answered

PERSONA = Persona(name="Shop helper")
MANNER = frozenset({"ahoy", "fair", "wind"})


def pair(question: str, completion: str, facts: Sequence[str] = (), *, split: str = TRAIN) -> Pair:
    """A voice pair with such facts in its prompt."""
    built = build_messages(PERSONA, question, facts)
    return Pair(
        id=f"par_{abs(hash((question, completion)))}",
        assistant_id="ast_1",
        run_id="run_1",
        origin="voice",
        origin_id="exa_1",
        group_id=question,
        split=split,
        question=question,
        prompt=[{"role": m["role"], "content": m["content"]} for m in built],
        completion=completion,
        hash=f"{question}{completion}",
    )


def numbered(n: int, group: str = "", question: str = "", completion: str = "") -> Pair:
    """The `n`-th of pairs that have no words in common; its side is open."""
    return Pair(
        id=f"par_{n}",
        assistant_id="ast",
        run_id="run",
        origin="voice",
        origin_id=f"exa_{n}",
        group_id=group or f"g{n:04}",
        split="",
        question=question or f"What about topic{n} and subject{n} in place{n}?",
        prompt=[],
        completion=completion or f"Topic{n} stands beside subject{n} within place{n} always{n}.",
        hash=f"{n * 7919 % 10007:05}",
    )


def answered(question: str, draft: str, *facts: str, voice: frozenset[str] = MANNER) -> Answered:
    """What serving makes of a draft: checked against its facts, cited, quoted where it fails."""
    sentences = tuple(
        EvidenceSentence(_passage(n, fact), 0, len(fact), 1.0) for n, fact in enumerate(facts)
    )
    evidence = Evidence(question, sentences, (), {})
    if not facts:
        return Answered(question, Outcome(refusal("Not in our pages."), evidence, [], None))
    *_, reply = compose(evidence, [draft], voice=voice)
    assert isinstance(reply, Reply)
    messages = build_messages(PERSONA, question, facts)
    return Answered(question, Outcome(reply, evidence, messages, None))


def _passage(n: int, text: str) -> Passage:
    return Passage(
        seq=n,
        id=f"psg_{n}",
        assistant_id="ast_1",
        source_id="src_1",
        page_id=f"pag_{n}",
        ordinal=0,
        heading="Help",
        anchor="",
        text=text,
        hash=f"hash-{n}",
        sentences=[(0, len(text))],
        embedding=b"",
        sentence_embeddings=b"",
        title="Help",
        url=f"https://shop.example/{n}",
        page_version=1,
    )
