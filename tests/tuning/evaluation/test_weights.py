"""Likelihoods under the real serving weights."""

from __future__ import annotations

import pytest

from server.llm.models import Prepared
from server.llm.tokenizer import ChatTokenizer
from server.prompt import Persona, build_messages
from tuning.data.rows import Encoded
from tuning.evaluation.forgetting import KNOWN
from tuning.evaluation.loss import Weights

pytestmark = [pytest.mark.slow, pytest.mark.model]


def test_endings_that_share_their_beginning_are_judged_as_if_each_was_read_alone(
    prepared: Prepared,
) -> None:
    weights, tokenizer = Weights(prepared.serving), ChatTokenizer(prepared.serving)
    beginning = tokenizer.encode_chat(build_messages(Persona(name="Helper"), "Who are you?", []))
    endings = [tokenizer.encode(text) for text in ("I am a helper.", "No", "The sea is wide, so")]
    shared = weights.after(beginning, endings)
    alone = [weights.loss(Encoded([*beginning, *own], len(beginning))) for own in endings]
    assert [loss.tokens for loss in shared] == [len(own) for own in endings]
    for one, other in zip(shared, alone, strict=True):
        assert one.nats == pytest.approx(other.nats, rel=1e-4)


def test_the_default_model_knows_more_than_chance(prepared: Prepared) -> None:
    weights, tokenizer = Weights(prepared.serving), ChatTokenizer(prepared.serving)
    right = 0
    for known in KNOWN:
        asked = build_messages(Persona(name="Helper"), known.question, [])
        losses = weights.after(
            tokenizer.encode_chat(asked), [tokenizer.encode(e) for e in known.endings]
        )
        own, *others = (loss.nats / loss.tokens for loss in losses)
        right += all(own < other for other in others)
    # One in four is chance, which gives 9 of 20 or more once in 24 times; measured: 9 of 20.
    assert right >= 9
