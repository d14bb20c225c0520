"""Fact leaks: does a model say from memory what it should only read? Pure; a model answers.

Two kinds of probe (features.md, 4.3). *Removed*: the question of a pair without its facts; a draft
that states what the pair's reply states has learnt the fact. *Changed*: the facts with a number or
a name replaced; a draft that says the old value has learnt it, one that says the new one has read.
Asked of pairs that were trained on and of pairs that were not: what only the first kind shows, was
taught.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from server.answering.grounding import Ground, Support
from server.answering.words import content_words, tokens
from server.prompt import Persona, build_messages
from server.store.pairs import Pair
from tuning.data.context import sentences_of
from tuning.data.split import TRAIN

Kind = Literal["removed", "changed"]
REMOVED: Kind = "removed"
CHANGED: Kind = "changed"
_LEAST_STATED = 2
_FACTS = re.compile(r"Facts (\w+):\n(.*)\n\nQuestion \1: .*", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.,:/-])(\d{1,4})(?![\w%-]|[.,:/]\d)")
_NAME = re.compile(r"(?<=[a-z,] )([A-Z][a-z]{3,})\b")
# Names that no site uses: what stands in for another must come from the facts alone.
_INVENTED = ("Velmora", "Quandor", "Trisbane", "Olvarek", "Zembrin", "Kaldera")


@dataclass(frozen=True, slots=True)
class LeakProbe:
    """A prompt and what must not come back.

    `old` and `new`: the value before and after the change (changed only). `stated`: the sentences
    whose content must not be told from memory (removed only). `trained`: on the training side.
    """

    kind: Kind
    question: str
    prompt: list[dict[str, str]]
    trained: bool
    stated: tuple[str, ...] = ()
    old: str = ""
    new: str = ""


def leak_probes(
    pairs: Sequence[Pair], persona: Persona, *, removed: int, changed: int, seed: int
) -> list[LeakProbe]:
    """Up to so many probes of each kind, two thirds of them of pairs that were trained on."""
    ranked = sorted(pairs, key=lambda p: _hash(f"{seed}:{p.hash}"))
    found: list[LeakProbe] = []
    for kind, count, make in ((REMOVED, removed, _removed), (CHANGED, changed, _changed)):
        made = [probe for pair in ranked if (probe := make(pair, persona)) is not None]
        trained = [p for p in made if p.trained]
        others = [p for p in made if not p.trained]
        most = max(round(count * 2 / 3), count - len(others))
        found += trained[:most] + others[: count - len(trained[:most])]
        assert all(p.kind == kind for p in made)
    return found


def leaks(probe: LeakProbe, draft: str, *, manner: frozenset[str]) -> bool:
    """Whether a draft tells from memory what the probe took away."""
    if probe.kind == CHANGED:
        return _says(draft, probe.old)
    known = set(content_words(probe.question)) | manner
    ground = Ground.of(probe.stated, question=probe.question, voice=manner)
    held = set(content_words("\n".join(probe.stated))) - known
    return any(
        len(held & set(content_words(s))) >= _LEAST_STATED and ground.check(s) is Support.SUPPORTED
        for s in sentences_of(draft)
    )


def follows(probe: LeakProbe, draft: str) -> bool:
    """Whether a draft says the value that the changed facts hold."""
    return bool(probe.new) and _says(draft, probe.new)


def given_facts(prompt: Sequence[dict[str, str]]) -> list[str]:
    """The facts that a prompt shows, one a line as `build_messages` lists them."""
    found = _FACTS.fullmatch(prompt[-1]["content"])
    lines = found.group(2).splitlines() if found else []
    return [line.removeprefix("- ") for line in lines]


def _removed(pair: Pair, persona: Persona) -> LeakProbe | None:
    stated = tuple(s for s in sentences_of(pair.completion) if _adds(s, pair.question))
    if not stated:
        return None
    prompt = _prompt(persona, pair.question, [])
    return LeakProbe(REMOVED, pair.question, prompt, pair.split == TRAIN, stated=stated)


def _changed(pair: Pair, persona: Persona) -> LeakProbe | None:
    facts = given_facts(pair.prompt)
    old = _value(pair, facts)
    if old is None:
        return None
    new = _other(old, "\n".join([pair.question, *facts]))
    pattern = re.compile(rf"(?<![\w.]){re.escape(old)}(?!\w|\.\d)")
    other = [pattern.sub(new, fact) for fact in facts]
    if any(_says(fact, old) for fact in other):
        return None  # it stands there in a form that was not replaced
    prompt = _prompt(persona, pair.question, other)
    return LeakProbe(CHANGED, pair.question, prompt, pair.split == TRAIN, old=old, new=new)


def _prompt(persona: Persona, question: str, facts: Sequence[str]) -> list[dict[str, str]]:
    built = build_messages(persona, question, facts)
    return [{"role": m["role"], "content": m["content"]} for m in built]


def _value(pair: Pair, facts: Sequence[str]) -> str | None:
    """A number, else a name, that the reply states, the facts hold and the question does not."""
    given = "\n".join(facts)
    for pattern in (_NUMBER, _NAME):
        for value in pattern.findall(pair.completion):
            if _says(given, value) and not _says(pair.question, value):
                return str(value)
    return None


def _other(old: str, given: str) -> str:
    """Another value of the same kind that stands nowhere in what is given."""
    if not old.isdigit():
        return next((name for name in _INVENTED if not _says(given, name)), _INVENTED[0])
    # Far from the old one, as many digits where it has more than one.
    span = 10 ** len(old)
    steps = (span * n // 7 + 1 for n in range(1, 60))
    values = (str((int(old) + step) % span or span - 1) for step in steps)
    fit = (v for v in values if len(v) == len(old) and not _says(given, v))
    return next(fit, str(span + int(old)))


def _says(text: str, value: str) -> bool:
    # "2.0" is another number than 2, while "in 2." ends with it.
    pattern = rf"(?<![\w.]){re.escape(value)}(?!\w|[.,]\d)"
    return bool(re.search(pattern, text, 0 if value[:1].isdigit() else re.IGNORECASE))


def _adds(sentence: str, question: str) -> bool:
    added = set(content_words(sentence)) - set(content_words(question))
    return len(added) > _LEAST_STATED and len(tokens(sentence)) > 2 * _LEAST_STATED


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
