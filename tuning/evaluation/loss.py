"""Loss of replies under the very weights that serve: one OpenVINO forward pass for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from server.signals import same_signal_stack
from tuning.data.rows import Encoded
from tuning.evaluation.metrics import Loss

# As the engine's "exact" precision: the figure must not depend on rounding to 8 bit, nor on whether
# a beginning was read in the same pass or is kept in the cache.
_PROPERTIES = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}

_Scores = NDArray[np.float64]


class Weights:
    """A serving model opened for its likelihoods; used by one thread at a time."""

    def __init__(self, model_dir: Path, *, threads: int = 0) -> None:
        properties = dict(_PROPERTIES)
        if threads:
            properties["INFERENCE_NUM_THREADS"] = str(threads)
        with same_signal_stack():
            model = ov.Core().compile_model(
                str(model_dir / "openvino_model.xml"), "CPU", properties
            )
        self._request: Any = model.create_infer_request()

    def loss(self, row: Encoded) -> Loss:
        """The summed loss over a row's reply, in nats, with its number of tokens."""
        self._request.reset_state()
        logits = self._infer([row.ids], held=0, beams=[0])[0]
        # Position p predicts token p + 1; only the reply's tokens count.
        nats = _nats(logits[row.prompt_tokens - 1 : -1], row.ids[row.prompt_tokens :])
        return Loss(float(nats.sum()), len(nats))

    def losses(self, rows: Sequence[Encoded]) -> list[Loss]:
        """The loss of each row."""
        return [self.loss(row) for row in rows]

    def after(self, beginning: Sequence[int], endings: Sequence[Sequence[int]]) -> list[Loss]:
        """The loss of each ending after the same beginning, which is read once.

        The state of the beginning is handed to every ending by the model's own beam index.
        """
        self._request.reset_state()
        first = self._infer([beginning], held=0, beams=[0])[0, -1].copy()
        longest = max(map(len, endings))
        # Padded on the right, where causal attention keeps the padding from being seen.
        rows = [[*ending, *[0] * (longest - len(ending))] for ending in endings]
        logits = self._infer(rows, held=len(beginning), beams=[0] * len(rows))
        found = []
        for own, ending in zip(logits, endings, strict=True):
            scores = np.concatenate([first[None], own[: len(ending) - 1]])
            found.append(Loss(float(_nats(scores, ending).sum()), len(ending)))
        return found

    def _infer(self, rows: Sequence[Sequence[int]], *, held: int, beams: Sequence[int]) -> Any:
        """Logits (rows, tokens, vocabulary); `held`: tokens that the state holds already."""
        count = len(rows[0])
        places = np.arange(held, held + count, dtype=np.int64)
        found = self._request.infer(
            {
                "input_ids": np.array(rows, dtype=np.int64),
                "attention_mask": np.ones((len(rows), held + count), dtype=np.int64),
                "position_ids": np.repeat(places[None], len(rows), axis=0),
                "beam_idx": np.array(beams, dtype=np.int32),
            }
        )
        return found["logits"]


def losses(model_dir: Path, rows: Sequence[Encoded], *, threads: int = 0) -> list[Loss]:
    """The summed loss over the reply of each row, in nats, with its number of tokens."""
    return Weights(model_dir, threads=threads).losses(rows)


def _nats(logits: Any, wanted: Sequence[int]) -> _Scores:
    """The nats of each wanted token under its logits (tokens, vocabulary)."""
    scores = logits.astype(np.float64)
    top = scores.max(axis=1)
    normal = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
    nats: _Scores = normal - scores[np.arange(len(wanted)), np.array(wanted)]
    return nats
