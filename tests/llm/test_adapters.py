"""Which engine answers: promote, swap, prove, roll back, and what is not to be served."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.errors import Conflict, Refused, Unavailable
from server.llm.adapters import EngineVoices, check_servable
from server.llm.engine import Engine, GenerationParams
from server.llm.folders import file_sha256, write_manifest
from server.llm.models import Prepared
from server.llm.promotion import promote, roll_back, start_canary
from server.prompt import PROMPT_VERSION
from server.store import Store
from server.store.adapters import Adapter, Serving
from server.store.assistants import Assistant
from server.store.canaries import Canary, Trial
from server.store.database import new_id, now
from tests.speaking import until

PROMPTS = [[{"role": "user", "content": "Who are you?"}]]


class FakeEngine(Engine):
    """Says which model it is; opened and closed ones are counted."""

    opened: list[FakeEngine] = []  # noqa: RUF012  # emptied by the fixture
    context_length = 2048

    def __init__(self, model_dir: Path, *, threads: int = 0) -> None:
        self.said = (model_dir / "says.txt").read_text()
        if self.said == "broken":
            raise RuntimeError("cannot map the file")
        self.is_closed = False
        self._fault = None
        FakeEngine.opened.append(self)

    def encode_chat(self, messages: Sequence[dict[str, str]]) -> list[int]:
        return [1]

    def generate(self, prompt: Any, params: GenerationParams | None = None) -> Any:
        assert not self.is_closed, "a closed engine was asked"
        return _Said(self.said)

    def close(self, *, drain_seconds: float = 10.0) -> None:
        self.is_closed = True


class _Said:
    prompt_tokens = completion_tokens = 1
    finish_reason = "stop"

    def __init__(self, said: str) -> None:
        from server.llm.generation import Timings

        self._said, self.timings = said, Timings()

    def __iter__(self) -> Iterator[str]:
        yield self._said

    def text(self) -> str:
        return self._said

    def cancel(self) -> None: ...


class Stage:
    """A home folder with a base model and adapters that say who they are."""

    def __init__(self, store: Store, home: Path) -> None:
        self.store, self.home = store, home
        self.assistant = store.assistants.create("Acme", key="acme")
        serving = home / "models" / "base"
        serving.mkdir(parents=True)
        (serving / "says.txt").write_text("base")
        self.prepared = Prepared("base-sha", home, home / "source.gguf", serving, home / "emb")
        self.voices = EngineVoices(store, home, self.prepared, open_engine=FakeEngine)

    def adapter(
        self, says: str, *, passed: bool = True, probed: str | None = None, **changed: Any
    ) -> Adapter:
        run = self.store.runs.ask(self.assistant.id, config={}, requested_by="test")
        self.store.runs.end(run.id, "passed" if passed else "refused")
        id = new_id("adp")
        folder = self.home / "adapters" / id
        (folder / "ir").mkdir(parents=True)
        (folder / "model.gguf").write_text(f"weights of {says} {id}")
        (folder / "ir" / "says.txt").write_text(says)
        write_manifest(folder / "ir", {})
        probes = {"prompts": PROMPTS, "base": ["base"], "candidate": [probed or says]}
        made = Adapter(
            seq=0,
            id=id,
            assistant_id=self.assistant.id,
            run_id=run.id,
            digest=file_sha256(folder / "model.gguf"),
            base_sha256="base-sha",
            prompt_version=PROMPT_VERSION,
            path=f"adapters/{id}",
            manifest={"voice_words": ["ahoy"]},
            report={"gate": {"passed": passed, "reasons": ["too few"]}, "probes": probes},
            passed=passed,
            created_at=now(),
        )
        return self.store.adapters.register(replace(made, **changed))

    def promote(self, adapter: Adapter) -> Serving:
        return self.reported(promote(self.store, adapter.id, actor="ana").id)

    def roll_back(self) -> Serving:
        return self.reported(roll_back(self.store, self.assistant.id, actor="ana").id)

    def reported(self, activation: str) -> Serving:
        def found() -> list[Serving]:
            told = self.store.adapters.servings(self.assistant.id)
            return [s for s in told if s.activation_id == activation]

        until(lambda: bool(found()))
        return found()[0]

    def says(self) -> str:
        return self.voices.voice(self.assistant.id).model.invoke("Who are you?").text


@pytest.fixture
def stage(sqlite_store: Store, tmp_path: Path) -> Iterator[Stage]:
    FakeEngine.opened.clear()
    opened = Stage(sqlite_store, tmp_path)
    opened.voices.start()
    yield opened
    opened.voices.close()
    assert all(engine.is_closed for engine in FakeEngine.opened)


def test_before_any_promotion_the_base_answers(stage: Stage) -> None:
    voice = stage.voices.voice(stage.assistant.id)
    assert voice.digest is None and voice.words == frozenset()
    assert stage.says() == "base"


def test_a_voice_knows_what_its_engine_holds_beside_the_longest_reply(stage: Stage) -> None:
    room = stage.voices.voice(stage.assistant.id).room
    assert room is not None and room.tokens == FakeEngine.context_length - 160
    assert room.count([{"role": "user", "content": "Who are you?"}]) == 1


def test_a_promoted_adapter_answers_proves_itself_and_is_rolled_back(stage: Stage) -> None:
    adapter = stage.adapter("pirate")
    serving = stage.promote(adapter)
    assert serving.ok and serving.digest == adapter.digest
    assert serving.probes == {"replies": ["pirate"], "equal": True, "against": adapter.id}
    voice = stage.voices.voice(stage.assistant.id)
    assert (voice.digest, voice.words) == (adapter.digest, frozenset({"ahoy"}))
    assert stage.says() == "pirate"

    back = stage.roll_back()
    assert back.ok and back.digest is None and back.probes["replies"] == ["base"]
    assert stage.says() == "base"


def test_b35_rolling_back_takes_less_than_a_second_and_opens_nothing(stage: Stage) -> None:
    stage.promote(stage.adapter("one"))
    stage.promote(stage.adapter("two"))
    opened = len(FakeEngine.opened)
    began = time.monotonic()
    serving = stage.roll_back()
    assert time.monotonic() - began < 1
    assert stage.says() == "one" and len(FakeEngine.opened) == opened
    assert serving.milliseconds < 1000


def test_the_time_of_a_first_promotion_counts_from_the_click(stage: Stage) -> None:
    activation = promote(stage.store, stage.adapter("one").id, actor="ana")
    serving = stage.reported(activation.id)
    waited = (serving.created_at - activation.created_at).total_seconds() * 1000
    assert waited - 100 <= serving.milliseconds <= waited + 1


def test_b33_what_is_active_at_start_is_loaded_before_anybody_asks(
    stage: Stage, sqlite_store: Store
) -> None:
    stage.promote(stage.adapter("pirate"))
    again = EngineVoices(sqlite_store, stage.home, stage.prepared, open_engine=FakeEngine)
    again.start()
    assert again.voice(stage.assistant.id).digest is not None
    again.close()


@pytest.mark.parametrize(("both", "heard"), [(False, "good"), (True, "base")])
def test_b33_damaged_while_the_server_was_down_the_last_good_voice_answers(
    stage: Stage, sqlite_store: Store, both: bool, heard: str
) -> None:
    good, bad = stage.adapter("good"), stage.adapter("bad")
    stage.promote(good)
    stage.promote(bad)
    for adapter in (bad, good) if both else (bad,):
        _flip_merged(stage, adapter)
    again = EngineVoices(sqlite_store, stage.home, stage.prepared, open_engine=FakeEngine)
    again.start()
    voice = again.voice(stage.assistant.id)
    said = voice.model.invoke("Who are you?").text
    again.close()
    told = sqlite_store.adapters.servings(stage.assistant.id)[0]
    assert said == heard
    assert voice.digest == (None if both else good.digest), "the answer names who spoke"
    assert not told.ok and "have changed" in told.error


def test_an_adapter_that_did_not_pass_is_not_promoted(stage: Stage) -> None:
    with pytest.raises(Refused, match="too few"):
        promote(stage.store, stage.adapter("bad", passed=False).id, actor="ana")
    assert stage.store.adapters.activations(stage.assistant.id) == []


def test_an_adapter_of_another_prompt_is_not_promoted(stage: Stage) -> None:
    with pytest.raises(Refused, match="prompt version"):
        promote(stage.store, stage.adapter("old", prompt_version="0").id, actor="ana")


def test_b35_two_promotions_at_once_are_one_promotion_and_one_conflict(stage: Stage) -> None:
    one, two = stage.adapter("one"), stage.adapter("two")
    promote(stage.store, one.id, actor="ana", expected="")
    with pytest.raises(Conflict):
        promote(stage.store, two.id, actor="ben", expected="")


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _flip_merged(stage: Stage, adapter: Adapter) -> None:
    _flip(stage.home / adapter.path / "model.gguf")


def _flip_served(stage: Stage, adapter: Adapter) -> None:
    _flip(stage.home / adapter.path / "ir" / "says.txt")


def _lose_merged(stage: Stage, adapter: Adapter) -> None:
    (stage.home / adapter.path / "model.gguf").unlink()


def _lose_manifest(stage: Stage, adapter: Adapter) -> None:
    (stage.home / adapter.path / "ir" / "manifest.json").unlink()


def _break(stage: Stage, adapter: Adapter) -> None:
    (stage.home / adapter.path / "ir" / "says.txt").write_text("broken")
    _lose_manifest(stage, adapter)
    write_manifest(stage.home / adapter.path / "ir", {})


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_flip_merged, "have changed"),
        (_flip_served, "have changed"),
        (_lose_merged, "missing"),
        (_lose_manifest, "missing"),
        (_break, "could not be loaded"),
    ],
)
def test_a62_a_damaged_adapter_is_not_served_and_the_present_voice_stays(
    stage: Stage, damage: Callable[[Stage, Adapter], None], said: str
) -> None:
    good, bad = stage.adapter("good"), stage.adapter("bad")
    stage.promote(good)
    damage(stage, bad)
    serving = stage.promote(bad)
    assert not serving.ok and said in serving.error and serving.digest is None
    assert stage.says() == "good"
    assert stage.voices.voice(stage.assistant.id).digest == good.digest
    # The way back is still open, and so is the way on.
    assert stage.promote(stage.adapter("next")).ok
    assert stage.says() == "next"


def test_an_adapter_of_another_base_is_not_served(stage: Stage) -> None:
    serving = stage.promote(stage.adapter("other", base_sha256="another"))
    assert not serving.ok and "another base model" in serving.error
    assert stage.says() == "base"


def test_replies_that_are_not_those_of_the_evaluation_are_told(stage: Stage) -> None:
    serving = stage.promote(stage.adapter("pirate", probed="parrot"))
    assert not serving.ok and serving.probes["equal"] is False
    assert serving.probes["replies"] == ["pirate"]


def test_an_adapter_without_probes_is_served_unproven(stage: Stage) -> None:
    adapter = stage.adapter("plain", report={"gate": {"passed": True}})
    serving = stage.promote(adapter)
    assert serving.ok and serving.probes == {}


def test_an_engine_that_fails_its_probes_is_reported_too(stage: Stage) -> None:
    adapter = stage.adapter("mute")

    class Mute(FakeEngine):
        def generate(self, prompt: Any, params: GenerationParams | None = None) -> Any:
            raise Unavailable("The model is not available.")

    stage.voices._warm._open = Mute
    serving = stage.promote(adapter)
    assert not serving.ok and serving.error


def test_a_broken_engine_is_unavailable(stage: Stage) -> None:
    stage.voices.base_engine()._fault = "a step failed"
    with pytest.raises(Unavailable):
        stage.voices.voice(stage.assistant.id)


def test_a73_assistants_have_a_voice_each(stage: Stage) -> None:
    stage.promote(stage.adapter("pirate"))
    other: Assistant = stage.store.assistants.create("Other", key="other")
    assert stage.voices.voice(other.id).digest is None
    assert stage.says() == "pirate"


def test_b34_a_reply_keeps_its_voice_through_any_number_of_swaps(stage: Stage) -> None:
    one, two = stage.adapter("one"), stage.adapter("two")
    says = {one.digest: "one", two.digest: "two", None: "base"}
    wrong: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            voice = stage.voices.voice(stage.assistant.id)
            time.sleep(0.002)
            said = voice.model.invoke("Who are you?").text
            if said != says[voice.digest]:
                wrong.append(said)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for adapter in (one, two, one, two):
        stage.promote(adapter)
    stage.roll_back()
    done.set()
    for asker in askers:
        asker.join()
    assert wrong == []


def _trial(stage: Stage, adapter: Adapter, share: float = 0.5) -> Canary:
    """A canary that the serving process has taken up."""
    canary = start_canary(stage.store, adapter.id, Trial(share, 50, 14), actor="ana")
    until(lambda: bool(stage.store.canaries.canary(canary.id).served))
    return stage.store.canaries.canary(canary.id)


def _heard(stage: Stage, visitor: str | None) -> str:
    return stage.voices.voice(stage.assistant.id, visitor).model.invoke("Who are you?").text


def test_a_canary_answers_its_share_of_visitors_and_always_the_same(stage: Stage) -> None:
    stage.promote(stage.adapter("active"))
    candidate = stage.adapter("tried")
    canary = _trial(stage, candidate)
    assert canary.served["ok"] is True
    visitors = [f"vis_{n}" for n in range(200)]
    first = [_heard(stage, visitor) for visitor in visitors]
    assert first == ["tried" if canary.holds(visitor) else "active" for visitor in visitors]
    assert first == [_heard(stage, visitor) for visitor in visitors]
    assert 60 < first.count("tried") < 140
    digests = {stage.voices.voice(stage.assistant.id, visitor).digest for visitor in visitors}
    assert candidate.digest in digests and len(digests) == 2
    # Staff, checks and evaluations hear what is active.
    assert _heard(stage, None) == "active"


def test_after_a_canary_everybody_hears_the_same_again_and_it_was_warm(stage: Stage) -> None:
    candidate = stage.adapter("tried")
    canary = _trial(stage, candidate)
    held = next(v for v in (f"vis_{n}" for n in range(99)) if canary.holds(v))
    assert _heard(stage, held) == "tried"
    opened = len(FakeEngine.opened)
    made = stage.store.canaries.end(canary.id, "promoted", reason="no worse", actor="canary")
    assert made is not None
    assert stage.reported(made.id).milliseconds < 1000
    assert {_heard(stage, visitor) for visitor in (held, "other", None)} == {"tried"}
    assert len(FakeEngine.opened) == opened

    other = _trial(stage, stage.adapter("worse"))
    stage.store.canaries.end(other.id, "rolled back", reason="worse", actor="canary")
    until(lambda: {_heard(stage, f"vis_{n}") for n in range(50)} == {"tried"})


@pytest.mark.parametrize(("damage", "said"), [(_flip_merged, "changed"), (_break, "not be loaded")])
def test_a62_a_damaged_candidate_is_never_heard(
    stage: Stage, damage: Callable[[Stage, Adapter], None], said: str
) -> None:
    candidate = stage.adapter("tried")
    damage(stage, candidate)
    canary = _trial(stage, candidate)
    assert canary.served["ok"] is False and said in canary.served["error"]
    assert {_heard(stage, f"vis_{n}") for n in range(50)} == {"base"}


def test_a_candidate_that_answers_otherwise_than_evaluated_is_never_heard(stage: Stage) -> None:
    canary = _trial(stage, stage.adapter("tried", probed="evaluated"))
    assert (
        canary.served["ok"] is False and "not those that were evaluated" in canary.served["error"]
    )
    assert {_heard(stage, f"vis_{n}") for n in range(50)} == {"base"}


def test_a_candidate_that_breaks_costs_no_visitor_the_answer(stage: Stage) -> None:
    canary = _trial(stage, stage.adapter("tried"))
    held = next(v for v in (f"vis_{n}" for n in range(99)) if canary.holds(v))
    FakeEngine.opened[-1]._fault = "a step failed"
    assert _heard(stage, held) == "base"


def test_b35_after_a_restart_the_way_back_is_warm(stage: Stage, sqlite_store: Store) -> None:
    stage.promote(stage.adapter("one"))
    stage.promote(stage.adapter("two"))
    again = EngineVoices(sqlite_store, stage.home, stage.prepared, open_engine=FakeEngine)
    opened = len(FakeEngine.opened)
    again.start()
    until(lambda: {e.said for e in FakeEngine.opened[opened:]} == {"one", "two"})
    warm = len(FakeEngine.opened)
    roll_back(sqlite_store, stage.assistant.id, actor="ana")
    until(lambda: again.voice(stage.assistant.id).model.invoke("?").text == "one")
    assert len(FakeEngine.opened) == warm
    again.close()


def test_b35_the_way_back_stays_warm_through_a_row_of_canaries(stage: Stage) -> None:
    stage.promote(stage.adapter("one"))
    stage.promote(stage.adapter("two"))
    for n in range(4):
        canary = _trial(stage, stage.adapter(f"tried {n}"))
        stage.store.canaries.end(canary.id, "stopped", reason="ana", actor="ana")
    opened = len(FakeEngine.opened)
    assert stage.roll_back().milliseconds < 1000
    assert stage.says() == "one" and len(FakeEngine.opened) == opened


def test_b35_engines_nobody_uses_are_closed_but_for_the_last_two(stage: Stage) -> None:
    for n in range(6):
        stage.promote(stage.adapter(f"v{n}"))
    open_ones = {e.said for e in FakeEngine.opened if not e.is_closed}
    assert open_ones == {"base", "v5", "v4", "v3"}


def test_b35_a_hundred_swaps_and_canaries_leave_no_engine_behind(
    stage: Stage, sqlite_store: Store
) -> None:
    one, two = stage.adapter("one"), stage.adapter("two")
    stage.voices.close()
    FakeEngine.opened.clear()
    voices = EngineVoices(sqlite_store, stage.home, stage.prepared, open_engine=FakeEngine)
    for n in range(100):
        promote(sqlite_store, (one, two)[n % 2].id, actor="ana")
        voices._follow()
        if n % 10 == 0:
            tried = start_canary(sqlite_store, (two, one)[n % 2].id, Trial(0.5, 50, 1), actor="ana")
            voices._follow()
            sqlite_store.canaries.end(tried.id, "stopped", reason="ana", actor="ana")
            voices._follow()
    assert [engine.said for engine in FakeEngine.opened] == ["base", "one", "two"]
    assert not any(engine.is_closed for engine in FakeEngine.opened)
    voices.close()


def test_check_servable_takes_what_was_made(stage: Stage) -> None:
    adapter = stage.adapter("fine")
    check_servable(adapter, stage.home / adapter.path, base_sha256="base-sha")
