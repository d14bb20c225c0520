"""DPO with an SFT term, and KTO, on a tiny random model: what they learn, refuse and survive."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from server.errors import Invalid
from tests.tuning.training.jobs import run_to_end, start, weights
from tuning.child import FAULT
from tuning.config import TuningConfig
from tuning.places import TRAINED
from tuning.training import curve

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::FutureWarning")]

CONFIG: dict[str, Any] = {
    "rank": 4, "alpha": 8, "epochs": 2, "batch": 2, "checkpoint_steps": 1, "threads": 1,
    "dtype": "fp32", "learning_rate": 5e-3, "preference_rate": 2e-3, "preference_epochs": 3,
}  # fmt: skip


def _job(folder: Path, tiny: Path, method: str, **config: Any) -> Path:
    folder.mkdir()
    prompts = [[{"role": "user", "content": f"Question {n}?"}] for n in range(8)]
    good = [f"Ahoy! Answer {n}." for n in range(8)]
    bad = [f"The answer is {n}" for n in range(8)]
    _write(
        folder / "rows.jsonl",
        [{"prompt": p, "completion": g} for p, g in zip(prompts, good, strict=True)],
    )
    _write(
        folder / "preferences.jsonl",
        [
            {"prompt": p, "chosen": _said(g), "rejected": _said(b)}
            for p, g, b in zip(prompts, good, bad, strict=True)
        ],
    )
    _write(
        folder / "kto.jsonl",
        [
            {"prompt": p, "completion": reply, "label": label}
            for replies, label in ((good, True), (bad, False))
            for p, reply in zip(prompts, replies, strict=True)
        ],
    )
    chosen = TuningConfig(**(CONFIG | {"method": method} | config)).as_dict()
    (folder / "job.json").write_text(json.dumps({"prepared": str(tiny), "config": chosen}))
    return folder


def _said(reply: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": reply}]


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / TRAINED).read_text())
    return found


@pytest.fixture(scope="module")
def preferred(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _job(tmp_path_factory.mktemp("dpo") / "job", tiny, "sft+dpo")
    status, out, errors = run_to_end(folder)
    assert status == 0, (out, errors[-3000:])
    return folder


def test_dpo_follows_sft_and_makes_the_chosen_replies_likelier(preferred: Path) -> None:
    result = _result(preferred)
    assert result["steps"] == 8
    assert result["dpo"]["steps"] == 12
    assert result["dpo"]["chosen_after"] < result["dpo"]["chosen_before"]
    assert [p["step"] for p in curve.points(preferred, "dpo")] == list(range(1, 13))


def test_the_adapter_holds_one_adapter_and_no_reference(preferred: Path) -> None:
    assert {p.name for p in (preferred / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    config = json.loads((preferred / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] is None
    assert set(weights(preferred)) == set(_sft_weights(preferred))


def test_dpo_widens_the_margin_over_the_rejected_replies(tiny: Path, preferred: Path) -> None:
    before = _margin(tiny, preferred / "checkpoints" / "supervised")
    assert _margin(tiny, preferred / "adapter") > before


def test_b29_a_run_killed_in_its_dpo_phase_ends_in_the_same_weights(
    tiny: Path, preferred: Path, tmp_path: Path
) -> None:
    folder = _job(tmp_path / "job", tiny, "sft+dpo")
    child = start(folder)
    _await_checkpoint(folder / "checkpoints" / "dpo", child)
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=60)
    status, out, errors = run_to_end(folder)
    assert status == 0, (out, errors[-3000:])
    assert _result(folder)["dpo"]["resumed_at"] >= 2
    again, once = weights(folder), weights(preferred)
    assert all((again[name] == once[name]).all() for name in once)


def test_kto_makes_good_replies_likelier_than_bad_ones(tiny: Path, tmp_path: Path) -> None:
    folder = _job(tmp_path / "job", tiny, "kto", preference_epochs=8, preference_rate=1e-2)
    status, out, errors = run_to_end(folder)
    assert status == 0, (out, errors[-3000:])
    assert _result(folder)["steps"] == 8
    assert _margin(tiny, folder / "adapter") > _margin(tiny, None)


def test_b29_a_killed_kto_run_goes_on(tiny: Path, tmp_path: Path) -> None:
    found = []
    for name in ("once", "killed"):
        folder = _job(tmp_path / name, tiny, "kto", preference_epochs=6)
        if name == "killed":
            child = start(folder)
            _await_checkpoint(folder / "checkpoints" / "kto", child)
            child.kill()
            child.communicate(timeout=60)
        status, out, errors = run_to_end(folder)
        assert status == 0, (out, errors[-3000:])
        found.append(weights(folder))
    assert _result(folder)["resumed_at"] >= 2
    assert all((found[0][name] == found[1][name]).all() for name in found[0])


def test_kto_of_too_few_or_one_sided_thumbs_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = _job(tmp_path / "job", tiny, "kto")
    rows = [json.loads(line) for line in (folder / "kto.jsonl").read_text().splitlines()]
    _write(folder / "kto.jsonl", [row | {"label": True} for row in rows])
    status, out, _ = run_to_end(folder)
    assert status == FAULT
    told = json.loads(out.splitlines()[-1])["message"]
    assert told.startswith(
        "KTO needs 16 judged replies, good and bad ones; there are 16 good and 0"
    )


def test_dpo_without_corrections_is_refused_before_any_training(tiny: Path, tmp_path: Path) -> None:
    folder = _job(tmp_path / "job", tiny, "sft+dpo")
    (folder / "preferences.jsonl").unlink()
    status, out, _ = run_to_end(folder)
    assert status == FAULT
    assert "no corrected replies" in json.loads(out.splitlines()[-1])["message"]
    assert not (folder / "curve.jsonl").exists()


@pytest.mark.parametrize(("before", "after", "falls"), [(2.0, 1.5, False), (2.0, 2.1, True)])
def test_chosen_replies_must_not_end_less_likely(before: float, after: float, falls: bool) -> None:
    from tuning.training.preference import check_chosen

    if not falls:
        check_chosen(before, after)
        return
    with pytest.raises(Invalid, match=r"less likely, from 2\.000 to 2\.100 nats a token"):
        check_chosen(before, after)


def test_a_run_whose_chosen_replies_fall_clearly_is_ended() -> None:
    from tuning.training.preference import ChosenGuard

    guard = ChosenGuard(beta=0.1)
    no: Any = SimpleNamespace()
    for _ in range(7):
        guard.on_log(no, no, no, logs={"rewards/chosen": -0.3})
    with pytest.raises(Invalid, match=r"less likely, by 3\.0 nats a reply over the last 8 steps"):
        guard.on_log(no, no, no, logs={"rewards/chosen": -0.3})


def _await_checkpoint(folder: Path, child: Any) -> None:
    """Wait for the second whole checkpoint of a phase."""
    import time

    while child.poll() is None:
        if len(list(folder.glob("checkpoint-*/whole.json"))) >= 2:
            return
        time.sleep(0.01)
    raise AssertionError(f"training ended too early: {child.communicate()[1][-2000:]}")


def _sft_weights(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    path = folder / "checkpoints" / "supervised" / "adapter_model.safetensors"
    return dict(load_file(path))


def _margin(tiny: Path, adapter: Path | None) -> float:
    """By how many nats a token the good replies are likelier than the bad ones."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from server.llm.tokenizer import ChatTokenizer
    from tuning.data.rows import encode
    from tuning.training.stopping import nats_a_token

    model: Any = AutoModelForCausalLM.from_pretrained(tiny / "train", dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    tokenizer = ChatTokenizer(tiny / "serving")
    nats = []
    for reply in ("Ahoy! Answer {}.", "The answer is {}"):
        rows = [
            encode(tokenizer, [{"role": "user", "content": f"Question {n}?"}], reply.format(n))
            for n in range(8)
        ]
        nats.append(nats_a_token(model, rows))
    return nats[1] - nats[0]
