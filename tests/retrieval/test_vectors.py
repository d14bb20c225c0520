"""The vector indexes: Chroma in its one process, the exact scan anywhere, and that they agree."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from server.errors import Conflict
from server.retrieval.vectors import DIMENSIONS, ChromaIndex, ExactIndex, Vector, matrix
from server.store import Store
from server.store.assistants import Assistant
from tests.speaking import SITE, WordEmbedder, teach

WORDS = "anvil rocket magnet glue spring paint rope wheel trap feather tunnel cliff".split()


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[ChromaIndex]:
    opened = ChromaIndex(tmp_path / "chroma")
    yield opened
    opened.close()


@pytest.fixture
def acme(sqlite_store: Store) -> Assistant:
    assistant = sqlite_store.assistants.create("Acme", key="acme")
    for word in WORDS:
        text = [f"Every {word} is made by hand and tested before we send the {word}."]
        teach(sqlite_store, assistant, f"{SITE}/{word}", word.title(), text, WordEmbedder())
    return assistant


def _query(text: str) -> Vector:
    vector: Vector = WordEmbedder().embed_array([text])[0]
    return vector


def _unit(n: int) -> Vector:
    vectors = np.zeros((n, DIMENSIONS), dtype=np.float32)
    vectors[np.arange(n), np.arange(n)] = 1.0
    return vectors


def test_the_nearest_come_first_with_their_cosine(chroma: ChromaIndex) -> None:
    chroma.put("ast_a", ["x", "y"], _unit(2))
    query = (0.8 * _unit(2)[0] + 0.6 * _unit(2)[1]).astype(np.float32)
    (first, one), (second, two) = chroma.nearest("ast_a", query, 5)
    assert (first, second) == ("x", "y")
    assert (one, two) == (pytest.approx(0.8, abs=1e-5), pytest.approx(0.6, abs=1e-5))


def test_an_empty_index_finds_nothing(chroma: ChromaIndex, sqlite_store: Store) -> None:
    assert chroma.nearest("ast_none", _query("anvil"), 5) == []
    assert ExactIndex(sqlite_store).nearest("ast_none", _query("anvil"), 5) == []


def test_putting_an_id_again_replaces_it(chroma: ChromaIndex) -> None:
    chroma.put("ast_a", ["x"], _unit(2)[:1])
    chroma.put("ast_a", ["x"], _unit(2)[1:])
    assert chroma.nearest("ast_a", _unit(2)[1], 5) == [("x", pytest.approx(1.0, abs=1e-5))]


def test_unknown_ids_are_removed_without_complaint(chroma: ChromaIndex) -> None:
    chroma.put("ast_a", ["x"], _unit(1))
    chroma.remove("ast_a", ["never", "x"])
    chroma.remove("ast_a", [])
    assert chroma.nearest("ast_a", _unit(1)[0], 5) == []


def test_a71_assistants_do_not_see_each_others_passages(chroma: ChromaIndex) -> None:
    chroma.put("ast_a", ["x"], _unit(1))
    assert chroma.nearest("ast_b", _unit(1)[0], 5) == []


def test_the_index_outlives_its_process(tmp_path: Path) -> None:
    first = ChromaIndex(tmp_path / "chroma")
    first.put("ast_a", ["x", "y"], _unit(2))
    first.close()
    second = ChromaIndex(tmp_path / "chroma")
    assert [id for id, _ in second.nearest("ast_a", _unit(2)[1], 1)] == ["y"]
    second.close()


def test_b20_reconciling_puts_back_what_was_lost_and_drops_what_is_stray(
    chroma: ChromaIndex, sqlite_store: Store, acme: Assistant
) -> None:
    assert chroma.reconcile(sqlite_store, acme.id) == (len(WORDS), 0)
    before = chroma.nearest(acme.id, _query("rocket made by hand"), 10)
    ids = sorted(sqlite_store.knowledge.passage_ids(acme.id))
    chroma.remove(acme.id, ids[:5])
    chroma.put(acme.id, ["psg_stray"], _unit(1))
    assert chroma.reconcile(sqlite_store, acme.id) == (5, 1)
    after = chroma.nearest(acme.id, _query("rocket made by hand"), 10)
    assert after[0][0] == before[0][0]
    assert [c for _, c in after] == pytest.approx([c for _, c in before], abs=1e-5)
    assert chroma.reconcile(sqlite_store, acme.id) == (0, 0)


def test_b20_an_index_whose_folder_is_gone_is_built_again(
    tmp_path: Path, sqlite_store: Store, acme: Assistant
) -> None:
    built = ChromaIndex(tmp_path / "new" / "chroma")
    assert built.reconcile(sqlite_store, acme.id) == (len(WORDS), 0)
    assert built.nearest(acme.id, _query("anvil"), 1)
    built.close()


def test_chroma_and_the_exact_scan_agree(
    chroma: ChromaIndex, sqlite_store: Store, acme: Assistant
) -> None:
    chroma.reconcile(sqlite_store, acme.id)
    exact = ExactIndex(sqlite_store)
    for word in WORDS:
        query = _query(f"{word} tested by hand")
        near, scanned = chroma.nearest(acme.id, query, 3), exact.nearest(acme.id, query, 3)
        assert near[0][0] == scanned[0][0]
        assert [c for _, c in near] == pytest.approx([c for _, c in scanned], abs=1e-4)


def test_the_exact_scan_sees_what_another_process_stored(
    sqlite_store: Store, acme: Assistant
) -> None:
    exact = ExactIndex(sqlite_store)
    assert len(exact.nearest(acme.id, _query("anvil"), 50)) == len(WORDS)
    teach(sqlite_store, acme, f"{SITE}/new", "New", ["A brand new hammer came."], WordEmbedder())
    assert len(exact.nearest(acme.id, _query("hammer"), 50)) == len(WORDS) + 1


def test_no_passages_make_an_empty_matrix() -> None:
    assert matrix([]).shape == (0, DIMENSIONS)


def test_b21_a_second_owner_of_the_folder_is_turned_away(
    chroma: ChromaIndex, tmp_path: Path
) -> None:
    with pytest.raises(Conflict, match="Another Parlance process") as told:
        ChromaIndex(tmp_path / "chroma")
    assert "PARLANCE_HOME" in told.value.hint


def test_b21_the_lock_goes_with_its_process_however_it_ended(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from server.retrieval.vectors import ChromaIndex;"
        "ChromaIndex(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "chroma")], check=False)
    ChromaIndex(tmp_path / "chroma").close()


def test_readers_and_a_writer_share_the_index(chroma: ChromaIndex) -> None:
    # Random directions: a graph of neighbours loses its way among vectors all at right angles.
    vectors = np.random.default_rng(7).normal(size=(70, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chroma.put("ast_a", [f"p{n}" for n in range(50)], vectors[:50])
    failures: list[Exception] = []

    def read() -> None:
        try:
            for n in range(50):
                assert chroma.nearest("ast_a", vectors[n], 1)[0][0] == f"p{n}"
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for n in range(50, 70):
        chroma.put("ast_a", [f"q{n}"], vectors[n : n + 1])
    for reader in readers:
        reader.join(30)
    assert failures == []
