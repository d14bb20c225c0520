"""The text stream: whole characters, stop strings, no repetition. Tokens here are bytes."""

import pytest

from server.llm.stream import TextStream


def _pieces(text: bytes, **options: object) -> tuple[list[str], str | None]:
    stream = TextStream(lambda token: bytes([token]), **options)  # type: ignore[arg-type]
    pieces = [stream.push(byte) for byte in text]
    return [*pieces, stream.finish()], stream.ended


@pytest.mark.parametrize(
    "text", ["a😀b", "漢字かな交じり", "déjà vu", "👩‍👩‍👧‍👦 family", "\U0010ffff"]
)
def test_b11_a_character_is_never_shown_in_parts(text: str) -> None:
    pieces, _ = _pieces(text.encode())
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_bytes_that_form_no_character_are_left_out() -> None:
    pieces, _ = _pieces(b"ok \xf0\x9f")
    assert "".join(pieces) == "ok "


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Yes.\nUser: more", "Yes."),
        ("Yes.\nUse it", "Yes.\nUse it"),
        ("\nUser:", ""),
        ("a\nUs\nUser:", "a\nUs"),
    ],
)
def test_a_stop_string_is_never_shown_even_in_part(text: str, shown: str) -> None:
    pieces, ended = _pieces(text.encode(), stop=("\nUser:",))
    assert "".join(pieces) == shown
    assert ended == ("stop" if shown != text else None)


def test_a_sentence_said_before_ends_the_reply_unseen() -> None:
    said = "Our shop opens at nine. It closes at six."
    pieces, ended = _pieces(f"{said} Our shop opens at nine. And more.".encode())
    assert "".join(pieces).strip() == said
    assert ended == "repetition"


def test_the_same_beginning_alone_is_no_repetition() -> None:
    text = "Our shop opens at nine. Our shop opens at ten on Sunday."
    pieces, ended = _pieces(text.encode())
    assert ("".join(pieces), ended) == (text, None)


def test_a_repeated_last_sentence_without_a_full_stop_is_dropped_or_shown_whole() -> None:
    text = "Our shop opens at nine. Our shop opens at"
    assert "".join(_pieces(text.encode())[0]) == text


def test_a_phrase_over_and_over_ends_the_reply() -> None:
    _, ended = _pieces(b"ab" * 40)
    assert ended == "repetition"


def test_short_sentences_may_come_twice() -> None:
    text = "Is it free? Yes. Is it safe? Yes."
    pieces, ended = _pieces(text.encode())
    assert ("".join(pieces), ended) == (text, None)


def test_repetition_is_let_through_when_not_watched_for() -> None:
    text = "One more time, please. " * 3
    pieces, ended = _pieces(text.encode(), stop_on_repeat=False)
    assert ("".join(pieces), ended) == (text, None)
