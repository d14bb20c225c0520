"""Passages: their sizes, borders and hashes."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.knowledge.chunks import Chunk, chunk_blocks, estimate_size
from server.knowledge.pages import Block, Kind

_SENTENCE = "The quick brown fox jumps over the lazy dog near the river bank today. "


def _block(words: int, *path: str, kind: Kind = "prose", anchor: str = "") -> Block:
    text = (_SENTENCE * (words // 14 + 1)).split()[:words]
    return Block(" ".join(text), path, anchor, kind)


def _sentences(chunk: Chunk) -> list[str]:
    return [chunk.text[start:end] for start, end in chunk.sentences]


def test_a_long_section_is_cut_into_even_parts_at_sentences() -> None:
    chunks = chunk_blocks([_block(700, "Guide", "Install")])
    assert len(chunks) > 3
    assert all(c.text.endswith(".") for c in chunks[:-1])
    sizes = [estimate_size(c.text) for c in chunks]
    assert max(sizes) <= 230 and min(sizes) > 90
    assert {c.heading_path for c in chunks} == {("Guide", "Install")}
    assert [c.ordinal for c in chunks] == list(range(len(chunks)))


def test_a_chunk_does_not_span_two_sections() -> None:
    chunks = chunk_blocks([_block(80, "G", "A", anchor="a"), _block(80, "G", "B", anchor="b")])
    assert [(c.heading_path, c.anchor) for c in chunks] == [(("G", "A"), "a"), (("G", "B"), "b")]


def test_headings_are_context_and_not_text() -> None:
    (chunk,) = chunk_blocks([_block(80, "Guide", "Installing")])
    assert "Installing" not in chunk.text


def test_tiny_siblings_share_a_passage_with_their_headings_in_it() -> None:
    blocks = [Block(f"Fact {n} is short.", ("G", f"Part {n}"), f"p{n}") for n in range(3)]
    (chunk,) = chunk_blocks(blocks)
    assert chunk.heading_path == ("G",) and chunk.anchor == "p0"
    assert chunk.text.startswith("Part 0\nFact 0 is short.\n\nPart 1\n")
    assert _sentences(chunk)[:2] == ["Part 0", "Fact 0 is short."]


def test_tiny_cousins_and_questions_stay_apart() -> None:
    cousins = [Block("Short.", ("G", "A", "x")), Block("Short.", ("G", "B", "y"))]
    assert len(chunk_blocks(cousins)) == 2
    questions = [Block("Yes.", ("FAQ", "Is it free?")), Block("No.", ("FAQ", "Is it slow?"))]
    assert len(chunk_blocks(questions)) == 2
    answers = [
        Block("Yes.", ("Free", "a"), "", "answer"),
        Block("No.", ("Free", "b"), "", "answer"),
    ]
    assert len(chunk_blocks(answers)) == 2


def test_lines_of_code_stay_together_as_one_sentence() -> None:
    code = "sudo apt update\nsudo apt install foo"
    (chunk,) = chunk_blocks([Block("Run:", ("G",)), Block(code, ("G",), "", "code")])
    assert _sentences(chunk) == ["Run:", code]
    assert chunk.text == f"Run:\n\n{code}"


def test_list_markers_stand_in_the_text_and_not_in_sentences() -> None:
    items = [Block(f"- item {n}", ("G",), "", "list") for n in range(2)]
    (chunk,) = chunk_blocks([Block("It is:", ("G",)), *items])
    assert chunk.text == "It is:\n- item 0\n- item 1"
    assert _sentences(chunk) == ["It is:", "item 0", "item 1"]


def test_hashes_depend_on_text_and_headings_only() -> None:
    one = chunk_blocks([_block(60, "A"), _block(60, "B")])
    two = chunk_blocks([_block(60, "B", anchor="moved")])
    assert one[1].hash == two[0].hash
    assert one[0].hash != one[1].hash
    assert chunk_blocks([_block(60, "A")])[0].hash == one[0].hash


def test_other_scripts_fit_the_model_too() -> None:
    text = "这是一个很长的句子，里面有很多字。" * 60
    assert max(estimate_size(c.text) for c in chunk_blocks([Block(text, ("标题",))])) <= 230


def test_no_blocks_make_no_chunks() -> None:
    assert chunk_blocks([]) == ()


_blocks = st.lists(
    st.builds(
        Block,
        st.text(alphabet=st.sampled_from("ab Z9.!?。\n-é中_"), max_size=400).filter(str.strip),
        st.sampled_from([(), ("T",), ("T", "A"), ("T", "B?"), ("T", "A", "x"), ("T", "A", "y")]),
        st.sampled_from(["", "a"]),
        st.sampled_from(["prose", "list", "table", "code", "answer"]),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(_blocks)
def test_chunks_hold_all_text_once_and_their_spans_are_sound(blocks: list[Block]) -> None:
    chunks = chunk_blocks(blocks)
    # Headings of merged sections stand between, so what is there is a subsequence.
    spelled = iter("".join(c.text for c in chunks))
    assert all(c in spelled for block in blocks for c in block.text if not c.isspace())
    for chunk in chunks:
        assert chunk.text.strip()
        position = 0
        for start, end in chunk.sentences:
            assert position <= start < end <= len(chunk.text)
            position = end


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="abc .!\n", max_size=600).filter(str.strip), max_size=6))
def test_sections_that_are_not_merged_are_spelled_exactly(texts: list[str]) -> None:
    blocks = [Block(t, ("T", f"Q{n}?")) for n, t in enumerate(texts)]
    spelled = "".join(re.sub(r"\s+", "", c.text) for c in chunk_blocks(blocks))
    assert spelled == re.sub(r"\s+", "", "".join(texts))


@pytest.mark.parametrize("worst", ["a", "a ", ".", "\n", "中", "a. ", "<", "_", "- a\n", "# "])
@pytest.mark.parametrize("kind", ["prose", "code"])
def test_a58_time_grows_with_length_and_no_faster(worst: str, kind: Kind) -> None:
    def seconds(n: int) -> float:
        block = Block("x" + worst * (n // len(worst)), ("T",), "", kind)
        times: list[float] = []
        for _ in range(2):
            started = time.process_time()
            chunk_blocks([block])
            times.append(time.process_time() - started)
        return min(times)

    seconds(1000)
    short, long = seconds(100_000), seconds(200_000)
    assert long < 2
    assert long < 0.05 or long / short < 3


def test_a_thousand_pages_are_cut_well_within_half_a_minute() -> None:
    blocks = [_block(120, "Guide", f"Part {n}") for n in range(13)]  # about 8 kB, 10 with markup
    assert sum(len(b.text) for b in blocks) > 7_500
    started = time.process_time()
    for _ in range(100):
        chunk_blocks(blocks)
    assert time.process_time() - started < 3
