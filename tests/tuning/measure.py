"""Figures on the checks of pairs: `python -m tests.tuning.measure` prints them all.

Personal data (precision and recall on sentences written by hand), near copies (paraphrases that
collapse, an owner's replies that do not), truth (honest replies that stay, false ones refused).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from server.answering.grounding import voice_words
from server.llm.models import prepare
from server.retrieval.embed import Embedder
from tests.tuning.faq_voice import replies
from tests.tuning.personal_cases import CLEAN, HOLD, UNSEEN
from tests.tuning.truth_cases import Case, by_hand, false, honest
from tuning.data.duplicates import Compared, Embed, Text, copies, same_questions
from tuning.data.personal import find_personal
from tuning.data.truth import Given, untrue

PARAPHRASES = (
    ("How do I send a parcel back?", "How can I return a parcel?"),
    ("What does shipping to Norway cost?", "How much is shipping to Norway?"),
    ("When are you open?", "What are your opening hours?"),
    ("How can I delete my account?", "How do I remove my account?"),
)
Labelled = tuple[str, tuple[tuple[str, str], ...]]
TOLD = "You will find all that in the section on orders, with a picture of each step."


@dataclass(frozen=True, slots=True)
class Finds:
    """How well personal data is found; a find counts if its kind and its words fit."""

    precision: float
    recall: float
    wrong: list[str]


@dataclass(frozen=True, slots=True)
class Copies:
    """Paraphrases that collapse, an owner's own replies that do, questions of theirs linked."""

    caught: int
    lost: list[str]
    linked: list[str]


@dataclass(frozen=True, slots=True)
class Truth:
    """Per kind of case: (refused, all), and what was refused or let pass wrongly."""

    refused: Counter[str]
    all: Counter[str]
    wrong: list[str]

    def share(self, *kinds: str) -> float:
        return sum(self.refused[k] for k in kinds) / sum(self.all[k] for k in kinds)


_MADE = (*HOLD, *((clean, ()) for clean in CLEAN))


def personal(cases: Sequence[Labelled] = _MADE) -> Finds:
    """Precision and recall on labelled sentences."""
    right = found_in_all = 0
    wrong: list[str] = []
    for sentence, values in cases:
        found = {(f.kind, f.text.rstrip(".")) for f in find_personal(sentence)}
        wanted = set(values)
        right += len(found & wanted)
        found_in_all += len(found)
        wrong += [f"missed {one} in {sentence!r}" for one in wanted - found]
        wrong += [f"found {one} in {sentence!r}" for one in found - wanted]
    return Finds(right / found_in_all, right / sum(len(v) for _, v in cases), wrong)


def near_copies(embed: Embed) -> Copies:
    caught = sum(
        len(copies(Compared.of([Text(a, TOLD), Text(b, TOLD)], embed))) for a, b in PARAPHRASES
    )
    voice = [Text(reply.question, reply.answer) for reply in replies(100)]
    asked = [text.question for text in voice]
    lost = copies(Compared.of(voice, embed))
    linked = same_questions(asked, embed(asked))
    return Copies(
        caught,
        [f"{asked[a]} ~ {asked[b]}" for a, b in lost.items()],
        [f"{asked[a]} = {asked[b]}" for a, b in linked],
    )


def truth() -> Truth:
    free, wrong_by_hand = by_hand()
    told = Truth(Counter(), Counter(), [])
    own = honest()
    manner = _manner(own[::2]) | _manner(own[1::2])
    for case in [*own, *false()]:
        _judge(case, manner, told)
    for case in [*free, *wrong_by_hand]:
        _judge(case, frozenset(), told)
    return told


def _judge(case: Case, manner: frozenset[str], told: Truth) -> None:
    reason = untrue(case.reply, Given(case.facts, case.question, manner))
    told.all[case.kind] += 1
    told.refused[case.kind] += reason is not None
    is_honest = case.kind in HONEST
    if is_honest == (reason is not None):
        told.wrong.append(f"{case.kind}: {reason or 'let pass'}: {case.reply}")


HONEST = ("the voice", "the voice, freer", "free, by hand")


def _manner(own: Sequence[Case]) -> frozenset[str]:
    return voice_words([case.reply for case in own], [case.facts for case in own])


def main() -> None:
    say, wrong = sys.stdout.write, list[str]()
    for name, cases in (("mended on", _MADE), ("unseen", UNSEEN)):
        finds = personal(cases)
        say(
            f"personal data, {name}: precision {finds.precision:.3f}, recall {finds.recall:.3f} "
            f"({sum(len(v) for _, v in cases)} values in {len(cases)} sentences)\n"
        )
        wrong += finds.wrong
    told = truth()
    for kind, count in told.all.items():
        right = told.refused[kind] if kind not in HONEST else count - told.refused[kind]
        say(f"truth: {kind}: {right} of {count} judged right\n")
    prepared = prepare(Path(__file__).parents[2] / "var" / "test")
    found = near_copies(Embedder(prepared.embedding).embed_array)
    say(
        f"near copies: {found.caught} of {len(PARAPHRASES)} paraphrases collapse; of 100 replies "
        f"of the FAQ voice {len(found.lost)} do, {len(found.linked)} of its questions are linked\n"
    )
    if "--all" in sys.argv:
        for line in [*wrong, *told.wrong, *found.lost, *found.linked]:
            say(f"  {line}\n")


if __name__ == "__main__":
    main()
