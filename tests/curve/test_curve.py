"""The learning curve without training: its sets, its rival, its table and its plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from lxml import etree

from server.llm.chat_model import EngineChatModel
from tests.curve import picture
from tests.curve.content import MANUAL, held_out, training
from tests.curve.rival import FewShot, as_turns, with_examples
from tests.tuning.faq_voice import FAQ, GREETING, SIGN_OFF
from tests.tuning.material import pair

needs_manuals = pytest.mark.skipif(
    not (FAQ.is_dir() and MANUAL.is_dir()),
    reason="the Debian FAQ and Python's manual are not installed (make faq corpora)",
)


def _cell(pairs: int, seed: int, *, nll: float, style: float) -> dict[str, Any]:
    return {
        "pairs": pairs, "seed": seed, "nll_before": 1.4, "nll_after": nll, "style_before": 0.01,
        "style_after": style, "facts_before": 0.65, "facts_after": 0.7, "leak_base": 0.05,
        "leak_candidate": 0.0,
    }  # fmt: skip


CELLS = [
    _cell(0, 0, nll=0.9, style=0.4),
    _cell(25, 0, nll=0.5, style=0.6),
    _cell(25, 1, nll=0.7, style=0.8),
    _cell(100, 0, nll=0.2, style=0.9),
]


@needs_manuals
def test_no_question_that_is_asked_is_trained_on_whatever_the_seed() -> None:
    asked = {reply.question for reply in held_out()}
    assert len(asked) == 40
    for seed in range(3):
        learnt = training(seed)
        assert len({r.question for r in learnt}) >= 550
        assert not asked & {r.question for r in learnt}


@needs_manuals
def test_every_reply_greets_signs_off_and_states_what_its_section_says() -> None:
    for reply in training(1)[:200]:
        stated = reply.answer.removeprefix(GREETING).removesuffix(SIGN_OFF).strip()
        assert stated and len(stated) < len(reply.answer) - len(GREETING)
        assert stated.split(". ")[0][:30] in reply.context


def test_the_rival_sees_the_examples_between_the_system_message_and_the_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    def record(_self: Any, messages: Any, *_: Any) -> Any:
        seen.extend(m.type for m in messages)
        return iter(())

    monkeypatch.setattr(EngineChatModel, "_stream", record)
    shown = as_turns([pair("When?", "At nine.", ["It opens at nine."])])
    model = FewShot.model_construct(examples=shown)
    list(model._stream([SystemMessage("s"), HumanMessage("q")]))
    assert seen == ["system", "human", "ai", "human"]


def test_a_held_out_rows_prompt_shows_the_examples_for_its_loss() -> None:
    example, row = pair("When?", "At nine.", ["It opens at nine."]), pair("Where?", "Here.")
    (shown,) = with_examples([row], [example])
    assert [m["role"] for m in shown.prompt] == ["system", "user", "assistant", "user"]
    assert shown.prompt[2]["content"] == "At nine." and shown.completion == row.completion


def test_the_table_tells_the_mean_and_the_range_over_the_seeds() -> None:
    rows = picture.table(CELLS).splitlines()
    assert rows[2].startswith("| base model | 1.40 | 0.01 | 65% | 5% |")
    assert rows[3].startswith("| 3 examples in the prompt | 0.90 | 0.40 |")
    assert rows[4].startswith("| 25 | 0.60 (0.50 to 0.70) | 0.70 (0.60 to 0.80) |")
    assert rows[5].startswith("| 100 | 0.20 | 0.90 |")


def test_the_plot_is_an_image_with_a_dot_for_each_seed() -> None:
    drawn = etree.fromstring(picture.plot(CELLS).encode())
    dots = drawn.findall(".//{*}circle")
    assert len(dots) == 2 * (1 + 3)
    assert len(drawn.findall(".//{*}polyline")) == 2


def test_a_new_table_takes_the_place_of_the_one_in_the_manual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n\n{picture.table(CELLS[:2])}\n\nAfter.\n", encoding="utf-8")
    monkeypatch.setattr(picture, "PAGE", page)
    monkeypatch.setattr(picture, "PLOT", tmp_path / "plot.svg")
    picture.write(CELLS)
    assert page.read_text(encoding="utf-8") == f"Before.\n\n{picture.table(CELLS)}\n\nAfter.\n"
