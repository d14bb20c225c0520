"""How well the grounding check tells what facts carry: `python -m tests.quality.grounding`.

Flagging an unsupported sentence is the positive: precision is the share of flags that are due,
recall the share of unsupported sentences that are flagged. A rule's bound, if it has one, is chosen
on one half of the labels, all figures are of the other half; 95 % intervals after Wilson.
"""

from __future__ import annotations

import math
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from server.answering.grounding import Ground, Support
from server.answering.words import content_words, tokens
from server.evaluation.judge import unsupported
from tests.quality.labels import Labelled, labelled

Rule = Callable[[Labelled], bool]
_Z = 1.96
_OVERLAP = 0.6
_REPEATS = 200


@dataclass(frozen=True, slots=True)
class Score:
    """Flags against labels: right, wrong and missed ones, and sentences rightly passed."""

    hits: int
    false: int
    missed: int
    passed: int

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(1, 2 * self.hits + self.false + self.missed)

    def precision(self) -> str:
        return _share(self.hits, self.hits + self.false)

    def recall(self) -> str:
        return _share(self.hits, self.hits + self.missed)

    def false_alarms(self) -> str:
        return _share(self.false, self.false + self.passed)


def serving(item: Labelled) -> bool:
    """The check that visitors' answers pass."""
    ground = Ground.of(item.facts, question=item.question)
    return ground.check(item.sentence) is Support.UNSUPPORTED


def judging(item: Labelled) -> bool:
    """The evaluation's rule. It reads passages; the facts together are about as long as one."""
    states = bool(content_words(item.sentence))
    return states and bool(unsupported(item.sentence, ["\n".join(item.facts)], item.question))


def trusting(_: Labelled) -> bool:
    """The first trivial rule: everything is supported."""
    return False


def overlapping(item: Labelled) -> bool:
    """The second: 60 % of the content words stand in the facts."""
    stated = set(content_words(item.sentence))
    held = set(content_words("\n".join(item.facts)))
    return bool(stated) and len(stated & held) < _OVERLAP * len(stated)


def rouge(items: Sequence[Labelled]) -> Rule:
    """The third: ROUGE-L precision against the best fact, with the bound that does best."""
    bounds = (n / 20 for n in range(1, 20))
    best = max(bounds, key=lambda b: score(lambda i: _rouge(i) < b, items).f1)
    return lambda item: _rouge(item) < best


def score(rule: Rule, items: Iterable[Labelled]) -> Score:
    """Count a rule's flags."""
    told = Counter((rule(i), not i.supported) for i in items)
    return Score(
        hits=told[True, True],
        false=told[True, False],
        missed=told[False, True],
        passed=told[False, False],
    )


def milliseconds(items: Sequence[Labelled]) -> list[float]:
    """How long it takes to check replies of three sentences against six facts."""
    full = [i for i in items if len(i.facts) == 6]
    sentences = [i.sentence for i in full if i.kind != "courtesy"]
    spent = []
    for n in range(_REPEATS):
        item = full[n % len(full)]
        began = time.perf_counter()
        ground = Ground.of(item.facts, question=item.question)
        for k in range(3):
            ground.check(sentences[(3 * n + k) % len(sentences)])
        spent.append(1000 * (time.perf_counter() - began))
    return spent


def table(items: Sequence[Labelled]) -> list[str]:
    """The lines that `main` prints."""
    choosing = [i for i in items if i.half == "choosing"]
    reporting = [i for i in items if i.half == "reporting"]
    rules: dict[str, Rule] = {
        "serving": serving,
        "judge": judging,
        "always supported": trusting,
        "word overlap 0.6": overlapping,
        "ROUGE-L": rouge(choosing),
    }
    bad, drafts = sum(not i.supported for i in items), sum(i.kind == "draft" for i in items)
    lines = [f"{len(items)} sentences, {bad} unsupported, {drafts} of real drafts"]
    for name, half in (("reporting", reporting), ("choosing", choosing)):
        lines += ["", f"{name} half: {len(half)}, {sum(not i.supported for i in half)} unsupported"]
        lines.append(f"{'':18}{'precision':28}{'recall':28}false alarms")
        for title, rule in rules.items():
            got = score(rule, half)
            lines.append(f"{title:18}{got.precision():28}{got.recall():28}{got.false_alarms()}")
    lines += ["", "serving, by kind:", f"{'':18}{'caught (reporting)':28}passed (reporting)"]
    for kind in sorted({i.kind for i in items}):
        got = score(serving, [i for i in reporting if i.kind == kind])
        good = _share(got.passed, got.passed + got.false)
        lines.append(f"{kind:18}{got.recall():28}{good}")
    spent = milliseconds(items)
    late = quantiles(spent, n=20)[-1]
    told = f"three sentences, six facts: median {median(spent):.2f} ms, p95 {late:.2f} ms"
    return [*lines, "", told]


def main() -> int:
    """Print the table; with --wrong also each sentence of the choosing half that it gets wrong."""
    items = labelled()
    lines = table(items)
    if "--wrong" in sys.argv:
        for item in items:
            if item.half == "choosing" and serving(item) == item.supported:
                lines.append(f"{item.id} {item.kind} supported={item.supported}: {item.sentence}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _share(part: int, whole: int) -> str:
    """A share with Wilson's interval, which stands at 0 and 1 too."""
    if not whole:
        return "-"
    p, square = part / whole, _Z * _Z / whole
    middle = (p + square / 2) / (1 + square)
    half = _Z * math.sqrt(p * (1 - p) / whole + square / (4 * whole)) / (1 + square)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return f"{p:.2f} [{low:.2f}, {high:.2f}] {part}/{whole}"


def _rouge(item: Labelled) -> float:
    said = tokens(re.sub(r"[`*]", "", item.sentence))
    best = max((_common(said, tokens(fact)) for fact in item.facts), default=0)
    return best / len(said) if said else 0.0


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(right) + 1)
    for word in left:
        before = 0
        for n, other in enumerate(right, start=1):
            before, row[n] = row[n], before + 1 if word == other else max(row[n], row[n - 1])
    return row[-1]


if __name__ == "__main__":
    raise SystemExit(main())
