"""Embeddings: all-MiniLM-L6-v2 on OpenVINO, behind LangChain's interface."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino_genai as genai
from langchain_core.embeddings import Embeddings

from server.signals import same_signal_stack

Array = np.ndarray[Any, np.dtype[np.float32]]
DIMENSIONS = 384
_MAX_TOKENS = 256
# Larger batches are no faster on two cores and cost up to 500 MB of scratch memory.
_BATCH = 8


class Embedder(Embeddings):
    """Embeds texts as unit vectors of 384 numbers.

    Only the first 256 tokens of a text (about 1,000 characters) count; the rest is cut off.
    Thread-safe: calls take turns.
    """

    def __init__(self, model_dir: Path, threads: int = 0) -> None:
        config = genai.TextEmbeddingPipeline.Config()
        config.pooling_type = genai.TextEmbeddingPipeline.PoolingType.MEAN
        config.normalize = True
        config.max_length = _MAX_TOKENS
        # bf16 where the processor has it: 1.7 times f32's speed at a cosine of 0.99996 to it.
        properties: dict[str, Any] = {}
        if threads:
            properties["INFERENCE_NUM_THREADS"] = threads
        with same_signal_stack():
            self._pipeline: Any = genai.TextEmbeddingPipeline(
                str(model_dir), "CPU", config, **properties
            )
        self._lock = threading.Lock()

    def embed_array(self, texts: Sequence[str]) -> Array:
        """Embed texts into an array of shape (n, 384), in their order."""
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        # Texts of like length share a batch, so little is padded: twice the speed on mixed texts.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            with self._lock:
                vectors[batch] = self._pipeline.embed_documents([texts[i] for i in batch])
        return vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts for storing."""
        vectors: list[list[float]] = self.embed_array(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Embed one text for searching."""
        vector: list[float] = self.embed_array([text])[0].tolist()
        return vector
