"""The figures of an evaluation, each with its 95 % interval (bootstrap over questions). Pure.

recall, nDCG: by page (BEIR's measures). Refusal precision and recall, over-refusal: after RGB.
Citation precision and recall: after ALCE, with the expected page in place of an NLI model. CRAG: 1
for a right answer, 0 for a refusal, -1 for a wrong one, whether or not the question has an answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median
from typing import Any

import numpy as np

from server.evaluation.judge import Judged

_RESAMPLES = 1000
_SEED = 17
_TOP = 10

Measure = Callable[[Sequence[Judged]], float | None]


def figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """Everything `parlance eval` prints, rates from 0 to 1; None where nothing was to measure."""
    found: dict[str, Any] = {
        "n": len(judged),
        "answerable": sum(j.answerable for j in judged),
        "answered": sum(not j.refused for j in judged),
        "refused": sum(j.refused for j in judged),
    }
    found |= {name: _rounded(measure(judged)) for name, measure in MEASURES.items()}
    found["check_ms"] = _rounded(median([j.check_ms for j in judged if not j.refused] or [0.0]))
    found["ci"] = intervals(judged)
    found["labels"] = {name: sum(j.label == name for j in judged) for name in _labels(judged)}
    languages = sorted({j.language for j in judged})
    if len(languages) > 1:
        found["by_language"] = {name: _language(judged, name) for name in languages}
    found["risk_coverage"] = risk_coverage(judged)
    return found


def intervals(judged: Sequence[Judged]) -> dict[str, list[float]]:
    """95 % intervals of every rate, by a bootstrap over the questions."""
    draw = np.random.default_rng(_SEED)
    samples: dict[str, list[float]] = {name: [] for name in MEASURES}
    for chosen in draw.integers(0, len(judged), size=(_RESAMPLES, len(judged))):
        sample = [judged[i] for i in chosen]
        for name, measure in MEASURES.items():
            if (value := measure(sample)) is not None:
                samples[name].append(value)
    return {
        name: [round(float(q), 4) for q in np.quantile(values, [0.025, 0.975])]
        for name, values in samples.items()
        if values
    }


def risk_coverage(judged: Sequence[Judged]) -> dict[str, Any]:
    """Risk (share of answers that are wrong) by coverage, the surest first; `area` below it.

    Refused questions come last whatever their confidence: the system gave no answer to them.
    """
    answers = sorted((j for j in judged if not j.refused), key=lambda j: -j.confidence)
    points, wrong = [], 0
    for n, one in enumerate(answers, start=1):
        wrong += not one.right
        points.append([round(n / len(judged), 4), round(wrong / n, 4)])
    area = fmean(risk for _, risk in points) if points else None
    return {"points": points, "area": _rounded(area)}


def _share(flags: Iterable[bool]) -> float | None:
    listed = list(flags)
    return sum(listed) / len(listed) if listed else None


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _recall(judged: Sequence[Judged], top: int) -> float | None:
    return _share(0 < rank <= top for j in judged for rank in j.ranks)


def _ndcg(judged: Sequence[Judged]) -> float | None:
    found = []
    for ranks in (j.ranks for j in judged if j.ranks):
        gained = sum(1 / math.log2(1 + r) for r in set(ranks) if 0 < r <= _TOP)
        ideal = sum(1 / math.log2(1 + n) for n in range(1, len(set(ranks)) + 1))
        found.append(min(1.0, gained / ideal))
    return fmean(found) if found else None


def _answered(judged: Sequence[Judged]) -> list[Judged]:
    return [j for j in judged if not j.refused]


def _expected_answers(judged: Sequence[Judged]) -> list[Judged]:
    """Answers to questions that have one: only there a right page is known."""
    return [j for j in judged if not j.refused and j.answerable and j.ranks]


MEASURES: dict[str, Measure] = {
    "recall_at_1": lambda js: _recall(js, 1),
    "recall_at_5": lambda js: _recall(js, 5),
    "ndcg_at_10": _ndcg,
    "right": lambda js: _share(j.right for j in js if j.answerable),
    "wrong_facts": lambda js: _share(j.wrong_fact for j in _answered(js)),
    "support": lambda js: _ratio(
        sum(j.supported for j in js), sum(j.statements for j in _answered(js))
    ),
    "refusal_recall": lambda js: _share(j.refused for j in js if not j.answerable),
    "refusal_precision": lambda js: _share(not j.answerable for j in js if j.refused),
    "over_refusal": lambda js: _share(j.refused for j in js if j.answerable),
    "right_page": lambda js: _share(j.right_page for j in _expected_answers(js)),
    "right_page_supported": lambda js: _share(
        j.right_page for j in _expected_answers(js) if j.label in ("supported", "curated")
    ),
    "citation_precision": lambda js: _ratio(
        sum(j.citations_right for j in _expected_answers(js)),
        sum(j.citations for j in _expected_answers(js)),
    ),
    "citation_recall": lambda js: _ratio(
        sum(min(j.marks, j.statements) for j in _answered(js)),
        sum(j.statements for j in _answered(js)),
    ),
    "crag": lambda js: fmean(j.score for j in js) if js else None,
    "seconds_per_answer": lambda js: fmean(j.seconds for j in js) if js else None,
}


def _labels(judged: Sequence[Judged]) -> list[str]:
    return sorted({j.label for j in judged})


def _language(judged: Sequence[Judged], name: str) -> dict[str, Any]:
    own = [j for j in judged if j.language == name]
    rates = {key: _rounded(measure(own)) for key, measure in MEASURES.items()}
    return {"n": len(own)} | rates


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
