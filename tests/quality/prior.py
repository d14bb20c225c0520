"""The gate's shipped numbers, made again: `python -m tests.quality.prior` prints them.

Samples come from both FAQs as they are. Every signal is standardised over them, then a ridge-bound
logistic regression is fitted; once with cosines as they are, once in the frame of each content.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from server.answering.fitting import samples_of
from server.answering.gate import SHIPPED, Sample, bounds, rates, shipped
from server.answering.signals import NAMES, RAW, Frame
from server.retrieval.vectors import matrix
from tests.quality.content import opened
from tests.quality.corpora import FOLDERS, variant

_RIDGE = 0.05


def numbers(samples: Sequence[Sample]) -> dict[str, object]:
    """Mean and spread of the signals, weights and bias."""
    x = np.array([[s.signals[n] for n in NAMES] for s in samples])
    y = np.array([s.is_answerable for s in samples])
    mean, spread = x.mean(axis=0), x.std(axis=0)
    weight = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    model = LogisticRegression(C=_RIDGE, max_iter=2000)
    model.fit((x - mean) / spread, y, sample_weight=weight)
    return {
        "mean": mean.round(3).tolist(),
        "spread": spread.round(3).tolist(),
        "weights": model.coef_[0].round(3).tolist(),
        "bias": round(float(model.intercept_[0]), 3),
    }


def main() -> int:
    """Read both corpora and print the numbers."""
    raw: list[Sample] = []
    framed: list[Sample] = []
    with TemporaryDirectory() as folder:
        for corpus in FOLDERS:
            with opened(Path(folder), variant(corpus, "two-sections")) as content:
                passages = content.passages
                frame = Frame.of(matrix(passages))
                for found, place in ((raw, RAW), (framed, frame)):
                    found += samples_of(content.retriever, content.assistant.id, passages, place)
    for name, samples in (("raw", raw), ("framed", framed)):
        sys.stdout.write(f"{name}: {numbers(samples)}\n")
        present = SHIPPED if name == "raw" else shipped(frame)
        refuse, sure = bounds(present, samples)
        sys.stdout.write(f"{name}, with the present weights: {refuse:.3f}, {sure:.3f}\n")
        sys.stdout.write(f"{name}, as shipped: {rates(present, samples)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
