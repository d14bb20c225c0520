"""An owner's own checker: an NLI model or cross-encoder by path, as a second opinion on a sentence.

The folder holds `openvino_model.xml` (with its `.bin`), `tokenizer.json` and, for a model with more
than one output, `config.json`, whose `id2label` says which output means entailment. None is
shipped: the rules in `server.answering.grounding` do without.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from tokenizers import Tokenizer

from server.errors import Invalid
from server.signals import same_signal_stack

log = logging.getLogger(__name__)

_MODEL, _TOKENIZER, _CONFIG = "openvino_model.xml", "tokenizer.json", "config.json"
_MAX_TOKENS = 512
_ENTAILS = ("entail", "consistent", "supported")
_HINT = "Correct PARLANCE_CHECKER, or leave it empty to do without a checker."


class Checker:
    """Scores how likely facts entail a sentence, from 0 to 1. Thread-safe: calls take turns."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """Load the model. Invalid if the folder holds none that can be used."""
        for name in (_MODEL, _TOKENIZER):
            if not (folder / name).is_file():
                raise Invalid(f"The checker's folder {folder} holds no {name}.", hint=_HINT)
        properties = {"INFERENCE_NUM_THREADS": threads} if threads else {}
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
            with same_signal_stack():
                model = ov.Core().compile_model(str(folder / _MODEL), "CPU", properties)
        except Exception as error:  # both libraries raise bare Exception and RuntimeError
            raise Invalid(f"The checker in {folder} cannot be read: {error}", hint=_HINT) from error
        self._inputs = {port.get_any_name() for port in model.inputs}
        self._output = _entailment(folder, model.outputs[0].get_partial_shape())
        self._request = model.create_infer_request()
        self._lock = threading.Lock()
        # The sentence is never cut, only what it is held against.
        self._tokenizer.enable_truncation(_MAX_TOKENS, strategy="only_first")
        self._tokenizer.enable_padding()
        try:
            self._score(["It rains.", "The sun shines."], "It rains.")
        except Exception as error:  # such as a fixed batch, or an input that is not known here
            raise Invalid(f"The checker in {folder} cannot be used: {error}", hint=_HINT) from error

    def __call__(self, facts: Sequence[str], sentence: str) -> float:
        """The best probability that a fact, or all of them together, entails the sentence."""
        if not facts:
            return 0.0
        try:
            return self._score(facts, sentence)
        except (
            Exception
        ):  # a sentence longer than the model holds: what cannot be checked is vetoed
            log.warning("the checker failed on a sentence", exc_info=True)
            return 0.0

    def _score(self, facts: Sequence[str], sentence: str) -> float:
        premises = list(dict.fromkeys([*facts, " ".join(facts)]))
        encoded = self._tokenizer.encode_batch([(p, sentence) for p in premises])
        ids = {
            "input_ids": [e.ids for e in encoded],
            "attention_mask": [e.attention_mask for e in encoded],
            "token_type_ids": [e.type_ids for e in encoded],
        }
        given = {n: np.array(v, dtype=np.int64) for n, v in ids.items() if n in self._inputs}
        with self._lock:
            logits = np.array(self._request.infer(given)[0], dtype=np.float64)
        return float(_probabilities(logits, self._output).max())


def _entailment(folder: Path, shape: Any) -> int:
    """Which output means that the facts entail the sentence; -1: there is one, a plain score."""
    width = shape[1].get_length() if len(shape) == 2 and shape[1].is_static else 0
    if width == 1:
        return -1
    path = folder / _CONFIG
    labels = json.loads(path.read_text("utf-8")).get("id2label", {}) if path.is_file() else {}
    found = [int(n) for n, label in labels.items() if str(label).lower().startswith(_ENTAILS)]
    if len(found) != 1 or not 0 <= found[0] < width:
        raise Invalid(
            f"The checker in {folder} does not say which output means entailment.",
            hint='Put its config.json beside it, with "entailment" in id2label.',
        )
    return found[0]


def _probabilities(logits: np.ndarray[Any, Any], output: int) -> np.ndarray[Any, Any]:
    if output < 0:
        return np.asarray(1 / (1 + np.exp(-logits[:, 0])))
    spread = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(spread[:, output] / spread.sum(axis=1))
