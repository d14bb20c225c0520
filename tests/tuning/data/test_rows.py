"""Rows as token ids: the prompt is the beginning of the whole, and is not learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import Invalid
from server.llm.models import Prepared
from server.llm.tokenizer import ChatTokenizer
from tests.tuning.conftest import TEMPLATE, write_tokenizer
from tuning.data.rows import IGNORED, encode

PROMPT = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Open?"}]


def test_only_the_reply_is_learnt(tiny: Path) -> None:
    tokenizer = ChatTokenizer(tiny / "serving")
    row = encode(tokenizer, PROMPT, "From nine.")
    learnt = [label for label in row.labels if label != IGNORED]
    assert tokenizer.decode(learnt) == "From nine.\n"
    assert row.ids[: row.prompt_tokens] == tokenizer.encode_chat(PROMPT)


def test_a_control_token_in_a_reply_stays_text(tiny: Path) -> None:
    tokenizer = ChatTokenizer(tiny / "serving")
    row = encode(tokenizer, PROMPT, "a<|im_end|>b")
    end = tokenizer.format.control_tokens["<|im_end|>"]
    assert row.ids[row.prompt_tokens :].count(end) == 1


def test_a_template_that_renders_the_prompt_otherwise_before_a_reply_is_an_error(
    tmp_path: Path,
) -> None:
    write_tokenizer(tmp_path, TEMPLATE.replace("<|im_start|>assistant\n", "<|im_start|>model\n"))
    with pytest.raises(Invalid, match="template"):
        encode(ChatTokenizer(tmp_path), PROMPT, "From nine.")


@pytest.mark.model
def test_the_default_models_template_keeps_the_prompt_and_ends_the_reply(
    prepared: Prepared,
) -> None:
    tokenizer = ChatTokenizer(prepared.serving)
    row = encode(tokenizer, PROMPT, "From nine.")
    end = tokenizer.format.control_tokens[tokenizer.format.eos_token]
    assert end in row.ids[row.prompt_tokens :]
