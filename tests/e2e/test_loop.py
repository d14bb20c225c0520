"""The loop in its short form, through the real process tree, model, Chroma and Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.llm.models import Prepared
from tests.loop.story import QUESTIONS, tell, write
from tuning.config import TuningConfig

# A few of the ten questions, and fewer replies to learn from: minutes, not a quarter of an hour.
_QUESTIONS = QUESTIONS[:4]
_EXAMPLES = 30
_CHECKPOINT = TuningConfig().checkpoint_steps


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.browser
@pytest.mark.timeout(1200)
def test_a_site_is_read_visitors_are_answered_a_voice_is_learned_and_taken_back(
    tmp_path: Path, built: None, prepared: Prepared
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(prepared.root.parent)
    story = tell(home, questions=_QUESTIONS, examples=_EXAMPLES, pictures=tmp_path, kill=True)
    write(story, tmp_path)
    assert (story.ingest["pages"], story.ingest["failed"]) == (17, 0)
    assert story.right_pages >= 3
    assert all(answer.reply for answer in story.answers)
    assert story.torch is False
    metrics = story.run["metrics"]
    assert metrics["nll_after"] < metrics["nll_before"]
    assert metrics["facts_after"] >= metrics["facts_before"] - 0.1
    # Killed with the whole tree in the middle of training, it went on from its newest checkpoint:
    # all steps were made, and only those since that checkpoint were made again.
    first_again = story.steps[story.steps.index(story.killed_at_step) + 1]
    assert story.killed_at_step - _CHECKPOINT < first_again <= story.killed_at_step + 1
    assert sorted(set(story.steps)) == list(range(1, metrics["train_steps"] + 1))
    assert story.tuned is not None and story.tuned.reply != story.before
    assert story.rollback["probes_equal"] is True
    assert story.after == story.before
