"""Near copies: found by words and by meaning, never where a number or a name differs."""

from __future__ import annotations

import numpy as np
import pytest

from server.llm.models import Prepared
from server.retrieval.embed import Embedder
from tests.tuning.measure import PARAPHRASES, near_copies
from tuning.data.duplicates import Compared, Text, copies, same_questions
from tuning.data.minhash import jaccard, likely_pairs, signatures


def test_a_signature_tells_about_how_alike_two_sets_are() -> None:
    generator = np.random.default_rng(5)
    for share in (0.1, 0.5, 0.9):
        common = {f"c{n}" for n in range(int(200 * share))}
        own = [common | {f"{side}{generator.integers(9**9)}" for _ in range(200 - len(common))}
               for side in "ab"]  # fmt: skip
        made = signatures(own)
        estimate = float((made[0] == made[1]).mean())
        assert abs(estimate - jaccard(*own)) < 0.13


def test_alike_sets_share_a_band_and_unlike_ones_seldom_do() -> None:
    base = [f"w{n}" for n in range(40)]
    near = [[*base[:-3], f"x{n}"] for n in range(20)]
    far = [[f"{n}y{m}" for m in range(40)] for n in range(40)]
    found = set(likely_pairs(signatures([*near, *far])))
    linked = {place for pair in found for place in pair}
    assert linked == set(range(20))
    assert all(b < 20 for _, b in found)


def test_five_hundred_copies_collapse_to_one() -> None:
    texts = [
        Text(f"{lead} where the treasure lies{end}", "The treasure lies under the old oak tree.")
        for lead in ("Tell me", "Say", "Please tell me", "Do tell me", "I ask you to tell me")
        for end in (f"{mark * n}" for n in range(1, 51) for mark in ("?", "!"))
    ]
    assert len(texts) == 500
    assert len(copies(Compared.of(texts))) == 499


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Text("How long is it?", "It is 3 metres long, friend."),
         Text("How long is it?", "It is 4 metres long, friend.")),
        (Text("How do I enable it?", "Press the big red button twice."),
         Text("How do I disable it?", "Press the big red button twice.")),
        (Text("Does it run on Linux?", "It runs there without any further steps."),
         Text("Does it run on Windows?", "It runs there without any further steps.")),
        (Text("Where is the shop?", "It is beside the river in the old town."),
         Text("When is it open?", "It is open from nine in the morning.")),
    ],
)  # fmt: skip
def test_what_differs_in_substance_is_no_copy(one: Text, other: Text) -> None:
    assert copies(Compared.of([one, other])) == {}


@pytest.mark.model
def test_by_meaning_paraphrases_collapse_and_an_owners_hundred_replies_stay(
    prepared: Prepared,
) -> None:
    found = near_copies(Embedder(prepared.embedding).embed_array)
    assert found.caught >= len(PARAPHRASES) - 1
    assert len(found.lost) <= 2, found.lost
    assert len(found.linked) <= 5, found.linked


def test_only_questions_of_one_meaning_are_linked() -> None:
    vectors = np.eye(3, 384, dtype=np.float32)[[0, 1, 0]]
    questions = ["Is it open?", "What does it cost?", "Is it open now?"]
    assert same_questions(questions, vectors) == [(0, 2)]
