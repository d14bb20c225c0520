"""The refusal gate: from the signals to how likely the content holds the answer, and what to do.

A logistic regression over the standardised signals. The shipped weights were fitted on the Debian
and the Python FAQ (`python -m tests.quality.prior` makes them again); an assistant's own content
moves them, the less the smaller it is. Pure; `server.answering.fitting` makes the samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.answering.signals import NAMES, RAW, Frame

Weights = NDArray[np.float64]

REFUSE, UNSURE, SURE = "refuse", "unsure", "sure"

# Grows when signals or samples are made otherwise: gates fitted before are fitted again.
_VERSION = 2
# How strongly the shipped weights hold against an assistant's own samples.
_PULL = 10.0
_STEPS = 50
_FEWEST = 20
# Bounds are read off the samples: refuse nine of ten questions whose section is gone, as long as
# so many that have theirs are answered; call an answer sure where so many of them are.
_REFUSED = 0.9
_REFUSED_WRONGLY = 0.05
_SURE_SHARE = 0.95
_WHOLE, _OFTEN = 0.99, 0.8


@dataclass(frozen=True, slots=True)
class Sample:
    """A question made from the content. `kind`: plain (its heading stands there), hidden (it does
    not, as with a visitor's own words), gone (its section was left out)."""

    kind: str
    signals: Mapping[str, float]

    @property
    def is_answerable(self) -> bool:
        return self.kind != "gone"


@dataclass(frozen=True, slots=True)
class Gate:
    """How likely an answer is there, and from which likelihood on to answer, and to be sure."""

    weights: tuple[float, ...]
    bias: float
    refuse_below: float
    sure_from: float
    frame: Frame

    def probability(self, signals: Mapping[str, float]) -> float:
        """From 0 to 1, with answerable and unanswerable questions taken as equally frequent."""
        logit = float(_standard([signals], self.frame)[0] @ np.array(self.weights)) + self.bias
        return 1 / (1 + float(np.exp(-logit)))

    def decide(self, probability: float) -> str:
        """REFUSE, UNSURE or SURE."""
        if probability < self.refuse_below:
            return REFUSE
        return SURE if probability >= self.sure_from else UNSURE

    def judge(self, signals: Mapping[str, float]) -> tuple[float, str]:
        """The probability, and what to do.

        A short question ("What is dpkg?") is far from every passage, since there is little of it.
        So one whose words all stand in the nearest passage, and often, is never refused outright:
        of 117 questions whose section was gone, 3 were like that (Debian FAQ).
        """
        likely = self.probability(signals)
        decision = self.decide(likely)
        whole = signals["covered_near"] >= _WHOLE and signals["lexical"] >= _OFTEN
        return likely, UNSURE if decision == REFUSE and whole else decision

    def as_json(self) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "weights": dict(zip(NAMES, self.weights, strict=True)),
            "bias": self.bias,
            "refuse_below": self.refuse_below,
            "sure_from": self.sure_from,
            "mean": [round(float(x), 5) for x in self.frame.mean],
            "axis": [round(float(x), 5) for x in self.frame.axis],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Gate | None:
        """None for a gate that an older version fitted."""
        if stored.get("version") != _VERSION or tuple(stored.get("weights", ())) != NAMES:
            return None
        frame = Frame(
            np.array(stored["mean"], dtype=np.float32), np.array(stored["axis"], dtype=np.float32)
        )
        bounds = float(stored["refuse_below"]), float(stored["sure_from"])
        return cls(tuple(stored["weights"].values()), float(stored["bias"]), *bounds, frame)


# Mean and spread of each signal over the two FAQs' samples, then the weights fitted there; first
# with cosines as they are, then in the frame of the content.
_RAW_MEAN = (0.647, 0.173, 0.669, 0.641, 0.157, 0.775, 0.661, 0.522, 0.244, 0.52, 0.594, 1.687)
_RAW_SPREAD = (0.152, 0.122, 0.134, 0.128, 0.097, 0.276, 0.352, 0.208, 0.161, 0.5, 0.33, 0.346)
_RAW = (0.381, 0.557, -0.05, 0.085, 0.13, -0.045, 0.242, 0.09, 0.295, 0.134, 0.412, 0.138)
_MEAN = (0.532, 0.239, 0.595, 0.543, 0.207, 0.774, 0.661, 0.521, 0.243, 0.523, 0.593, 1.687)
_SPREAD = (0.174, 0.152, 0.147, 0.136, 0.116, 0.276, 0.348, 0.208, 0.16, 0.499, 0.331, 0.346)
_FRAMED = (0.569, 0.35, -0.005, 0.346, -0.097, -0.016, 0.189, 0.077, 0.266, 0.166, 0.344, 0.125)

# On their own samples, with these bounds: of 237 questions each, refused were 3 % (heading stands),
# 69 % (heading hidden, raw) or 62 % (in the frame), and 92 % or 90 % (section gone).
SHIPPED = Gate(_RAW, 0.477, 0.593, 0.823, RAW)


def shipped(frame: Frame) -> Gate:
    """The shipped gate for a frame."""
    return SHIPPED if frame.is_raw else Gate(_FRAMED, 0.497, 0.593, 0.843, frame)


def fit(samples: Sequence[Sample], frame: Frame) -> Gate:
    """Fit a gate to samples of the content, drawn towards the shipped one; too few leave that."""
    start = shipped(frame)
    kinds = [s.is_answerable for s in samples]
    if min(sum(kinds), len(kinds) - sum(kinds)) < _FEWEST:
        return start
    x = np.column_stack([_standard([s.signals for s in samples], frame), np.ones(len(samples))])
    y = np.array(kinds, dtype=np.float64)
    share = y.mean()
    weight = np.where(y == 1, 0.5 / share, 0.5 / (1 - share))
    w = _newton(x, y, weight, np.array([*start.weights, start.bias]))
    gate = Gate(tuple(float(v) for v in w[:-1]), float(w[-1]), 0.0, 1.0, frame)
    refuse, sure = bounds(gate, samples)
    return Gate(gate.weights, gate.bias, refuse, sure, frame)


def rates(gate: Gate, samples: Sequence[Sample]) -> dict[str, float | int]:
    """How a gate does on samples: refused shares by kind, and how many there were."""
    found: dict[str, float | int] = {}
    for kind in ("plain", "hidden", "gone"):
        own = [gate.probability(s.signals) for s in samples if s.kind == kind]
        refused = sum(p < gate.refuse_below for p in own)
        found |= {f"{kind}": len(own)}
        found |= {f"{kind}_refused": round(refused / len(own), 4) if own else 0.0}
    return found


def bounds(gate: Gate, samples: Sequence[Sample]) -> tuple[float, float]:
    """Where to refuse and where to be sure, from the samples' likelihoods."""
    likely = {
        kind: np.array([gate.probability(s.signals) for s in samples if s.kind == kind])
        for kind in ("plain", "hidden", "gone")
    }
    wanted = float(np.quantile(likely["gone"], _REFUSED))
    allowed = float(np.quantile(likely["plain"], _REFUSED_WRONGLY)) if len(likely["plain"]) else 1.0
    refuse = min(wanted, allowed)
    answered = np.concatenate([likely["plain"], likely["hidden"]])
    for bound in np.arange(refuse, 1.0, 0.01):
        right, wrong = (answered >= bound).mean(), (likely["gone"] >= bound).mean()
        if right and right / (right + wrong) >= _SURE_SHARE:
            return refuse, float(bound)
    return refuse, max(refuse, 0.95)


def _newton(x: Weights, y: Weights, weight: Weights, start: Weights) -> Weights:
    """Weighted logistic regression with a Gaussian prior around `start`, by Newton's method."""
    w = start.copy()
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ (weight * (p - y)) + _PULL * (w - start)
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + _PULL * np.eye(len(w))
        step = np.linalg.solve(curvature, gradient)
        w = w - step
        if float(np.abs(step).max()) < 1e-6:
            break
    return w


def _standard(rows: Sequence[Mapping[str, float]], frame: Frame) -> Weights:
    mean, spread = (_RAW_MEAN, _RAW_SPREAD) if frame.is_raw else (_MEAN, _SPREAD)
    raw = np.array([[row[name] for name in NAMES] for row in rows], dtype=np.float64)
    standard: Weights = (raw - np.array(mean)) / np.array(spread)
    return standard
