"""Voices on a vLLM server: promote, answer by name, roll back, and what goes wrong over there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.config import Settings
from server.errors import Invalid, Unavailable
from server.llm.folders import file_sha256
from server.llm.lora_server import LoraServer
from server.llm.promotion import promote, roll_back
from server.llm.remote import estimated_room, remote_chat_model
from server.llm.remote_voices import Elsewhere, RemoteVoices
from server.prompt import PROMPT_VERSION
from server.store import Store
from server.store.activations import Activation
from server.store.adapters import Adapter, Serving
from server.store.database import now
from tests.llm.fake_vllm import BASE, BROKEN, KEY, OFF, SLOW, FakeVllm, serving
from tests.speaking import until

FILES = {"adapter/adapter_config.json": "{}", "adapter/adapter_model.safetensors": "weights"}


@pytest.fixture
def vllm() -> Iterator[FakeVllm]:
    with serving() as running:
        yield running


class Stage:
    """An installation whose model server runs elsewhere, and sees its home folder."""

    def __init__(self, store: Store, home: Path, vllm: FakeVllm) -> None:
        self.store, self.home, self.vllm = store, home, vllm
        self.shop = store.assistants.create("Shop", key="shop").id
        self.voices = self.opened()

    def opened(self, seen_at: str | None = None) -> RemoteVoices:
        there = Elsewhere(
            server=LoraServer(self.vllm.url, api_key=KEY, timeout_seconds=0.5),
            model=lambda name: remote_chat_model(self.vllm.url, api_key=KEY, model=name),
            base=BASE,
            home=seen_at or f"{self.home}/",
            room=estimated_room(4096, reply_tokens=160),
        )
        voices = RemoteVoices(self.store, self.home, there, base_sha256="base-sha")
        voices.start()
        return voices

    def adapter(self, name: str, files: dict[str, str] | None = None) -> Adapter:
        run = self.store.runs.ask(self.shop, config={}, requested_by="t")
        self.store.runs.end(run.id, "passed")
        folder = self.home / "adapters" / name
        for path, content in (FILES if files is None else files).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        hashes = {
            str(path.relative_to(folder)): file_sha256(path)
            for path in folder.rglob("*")
            if path.is_file()
        }
        made = Adapter(
            0, f"adp_{name}", self.shop, run.id, f"digest-{name}", "base-sha", PROMPT_VERSION,
            f"adapters/{name}", {"files": hashes, "voice_words": ["ahoy"]}, {}, True, now(),
        )  # fmt: skip
        return self.store.adapters.register(made)

    def promote(self, adapter: Adapter) -> Serving:
        return self.reported(promote(self.store, adapter.id, actor="ana"))

    def roll_back(self) -> Serving:
        return self.reported(roll_back(self.store, self.shop, actor="ana"))

    def reported(self, activation: Activation) -> Serving:
        def found() -> list[Serving]:
            told = self.store.adapters.servings(self.shop)
            return [s for s in told if s.activation_id == activation.id]

        until(lambda: bool(found()))
        return found()[0]

    def says(self, voices: RemoteVoices | None = None) -> str:
        voice = (voices or self.voices).voice(self.shop)
        return "".join(chunk.text for chunk in voice.model.stream("Who are you?"))


@pytest.fixture
def stage(sqlite_store: Store, tmp_path: Path, vllm: FakeVllm) -> Iterator[Stage]:
    opened = Stage(sqlite_store, tmp_path, vllm)
    yield opened
    opened.voices.close()


def test_before_any_promotion_the_servers_own_model_answers(stage: Stage) -> None:
    assert stage.says() == f"I am {BASE}."
    assert stage.voices.voice(stage.shop).digest is None
    assert stage.vllm.calls == []


def test_a_promoted_adapter_is_loaded_by_its_digest_and_answers_by_name(stage: Stage) -> None:
    adapter = stage.adapter("one")
    told = stage.promote(adapter)
    assert told.ok and told.digest == adapter.digest
    assert stage.vllm.loaded == {adapter.digest: f"{stage.home}/adapters/one/adapter"}
    voice = stage.voices.voice(stage.shop)
    assert (voice.digest, voice.words) == (adapter.digest, frozenset({"ahoy"}))
    assert stage.says() == f"I am {adapter.digest}."


def test_rolling_back_names_the_one_before_which_is_still_loaded(stage: Stage) -> None:
    for name in ("one", "two", "three"):
        assert stage.promote(stage.adapter(name)).ok
    until(lambda: set(stage.vllm.loaded) == {"digest-two", "digest-three"})
    calls = len(stage.vllm.calls)
    told = stage.roll_back()
    assert told.ok and told.digest == "digest-two" and told.milliseconds < 1000
    assert stage.says() == "I am digest-two."
    assert "load_lora_adapter" not in {call for call, _ in stage.vllm.calls[calls:]}
    stage.roll_back()
    assert stage.roll_back().digest is None
    assert stage.says() == f"I am {BASE}."


def test_assistants_have_a_voice_each(stage: Stage) -> None:
    stage.promote(stage.adapter("one"))
    other = stage.store.assistants.create("Other", key="other").id
    assert stage.voices.voice(other).digest is None
    assert stage.says() == "I am digest-one."


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (OFF, "loads no adapters at run time. Start vLLM with --enable-lora"),
        (BROKEN, "refused the adapter with status 500: EngineCore died Its log says more."),
        (SLOW, "did not answer within 0.5 seconds."),
    ],
)
def test_what_goes_wrong_there_is_one_sentence_and_the_present_voice_stays(
    stage: Stage, fault: str, told: str
) -> None:
    stage.promote(stage.adapter("good"))
    stage.vllm.fault = fault
    serving = stage.promote(stage.adapter("next"))
    assert not serving.ok and serving.digest is None
    assert told in serving.error
    assert stage.says() == "I am digest-good."
    stage.vllm.fault = ""
    assert stage.promote(stage.adapter("better")).ok
    assert stage.says() == "I am digest-better."


def test_a_server_that_is_down_is_told_and_tried_again(
    sqlite_store: Store, tmp_path: Path, vllm: FakeVllm, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(sqlite_store, tmp_path, vllm)
    stage.promote(stage.adapter("one"))
    stage.voices.close()
    monkeypatch.setattr("server.llm.remote_voices._AGAIN_SECONDS", 0.0)
    vllm.loaded.clear()
    vllm.fault = BROKEN
    again = stage.opened()
    assert again.voice(stage.shop).digest is None
    vllm.fault = ""
    until(lambda: again.voice(stage.shop).digest == "digest-one")
    told = [serving.ok for serving in sqlite_store.adapters.servings(stage.shop)]
    again.close()
    assert told == [True, False, True], "newest first, and one line for many attempts"


def test_after_a_restart_of_ours_what_is_loaded_there_is_taken_as_it_is(stage: Stage) -> None:
    stage.promote(stage.adapter("one"))
    stage.promote(stage.adapter("two"))
    again = stage.opened()
    assert stage.says(again) == "I am digest-two."
    again.close()
    assert set(stage.vllm.loaded) == {"digest-one", "digest-two"}


def test_a_path_that_the_server_does_not_see_names_the_setting(stage: Stage) -> None:
    stage.voices.close()
    stage.voices = stage.opened(seen_at="/nowhere")
    told = stage.promote(stage.adapter("one"))
    assert "finds no adapter at /nowhere/adapters/one/adapter." in told.error
    assert "PARLANCE_MODEL_ADAPTERS" in told.error


def test_a62_a_changed_or_missing_file_is_never_sent_there(stage: Stage) -> None:
    changed, missing = stage.adapter("changed"), stage.adapter("missing")
    (stage.home / changed.path / "adapter/adapter_model.safetensors").write_text("other")
    (stage.home / missing.path / "adapter/adapter_model.safetensors").unlink()
    for adapter in (changed, missing):
        assert "are missing or have changed" in stage.promote(adapter).error
    assert stage.vllm.calls == []


def test_a_voice_that_is_no_lora_is_refused(stage: Stage) -> None:
    told = stage.promote(stage.adapter("full", {"adapter/change.safetensors": "w"}))
    assert "is no LoRA adapter" in told.error


def test_a_server_that_cannot_be_reached_is_named() -> None:
    server = LoraServer("http://127.0.0.1:9/v1")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9/v1/ cannot be reached .* Start it"):
        server.load("one", "/x")
    server.close()


def test_a_path_for_adapters_wants_a_server() -> None:
    with pytest.raises(Invalid, match="PARLANCE_MODEL_URL"):
        Settings(model_adapters="/srv/parlance")
