"""The tuning commands: what scripts read, and what a person is told when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from server.cli import main
from server.prompt import PROMPT_VERSION
from server.store import Store, open_store
from server.store.adapters import Adapter
from server.store.database import now
from server.store.datasets import NewDataset
from tests.speaking import WordEmbedder, teach
from tests.tuning.material import numbered

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    store = open_store(f"sqlite:///{tmp_path / 'parlance.db'}")
    store.assistants.create("Shop", key="shop")
    store.database.close()
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    def invoke(*arguments: str) -> Result:
        environment = {"PARLANCE_HOME": str(home), "PARLANCE_DATABASE_URL": None}
        return CliRunner().invoke(main, list(arguments), env=environment)

    return invoke


def _store(home: Path) -> Store:
    return open_store(f"sqlite:///{home / 'parlance.db'}")


def _told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_example_replies_are_imported_once(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "voice.jsonl"
    file.write_text('{"question":"Open?","answer":"From nine, friend!"}\n')
    assert _told(run("voice", "import", "shop", str(file), "--json")) == {
        "imported": 1, "known": 0, "total": 1,
    }  # fmt: skip
    assert _told(run("voice", "import", "shop", str(file), "--json"))["known"] == 1


def test_a_csv_with_context_is_read_too(run: Run, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "voice.csv"
    file.write_text('question,answer,context\nOpen?,"From nine, friend!",We open at nine.\n')
    assert _told(run("voice", "import", "shop", str(file), "--json"))["imported"] == 1
    store = _store(home)
    [example] = store.pairs.examples(store.assistants.by_key("shop").id)
    assert example.context == "We open at nine."
    store.database.close()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"question":"a","answer":"b"}\nnot json\n', "Row 2 of voice.jsonl is not JSON"),
        ('{"question":"a","answer":"b"}\n{"question":"c"}\n', "Row 2 of voice.jsonl is no example"),
        ('{"question":"a","answer":" "}\n', "Row 1 of voice.jsonl is empty"),
        ('{"question":"a","answer":"' + "b" * 9000 + '"}\n', "longer than 8000"),
        ('{"question":"a","answer":"b\u202ec"}\n', "Reply 1 of voice.jsonl holds hidden"),
        ("", "holds no example replies"),
    ],
)
def test_one_bad_row_is_named_and_nothing_is_imported(
    run: Run, home: Path, tmp_path: Path, content: str, sentence: str
) -> None:
    file = tmp_path / "voice.jsonl"
    file.write_text(content, encoding="utf-8")
    result = run("voice", "import", "shop", str(file))
    assert result.exit_code == 1
    assert sentence in result.stderr
    store = _store(home)
    assert store.pairs.examples(store.assistants.by_key("shop").id) == []
    store.database.close()


def test_chats_of_other_trainers_are_imported(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "chats.json"
    said = [{"from": "human", "value": "Open?"}, {"from": "gpt", "value": "From nine, friend!"}]
    file.write_text(json.dumps([{"conversations": said}]))
    assert _told(run("voice", "import", "shop", str(file), "--json"))["imported"] == 1


def test_before_a_run_pairs_tells_what_could_be_learnt(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "voice.jsonl"
    file.write_text('{"question":"Open?","answer":"From nine!"}\n{"question":"a","answer":"b"}\n')
    _told(run("voice", "import", "shop", str(file), "--json"))
    told = _told(run("tune", "pairs", "shop", "--json"))
    assert (told["run"], told["pairs"], told["origins"]) == (None, 1, {"voice": 1})
    assert told["dropped"] == {"it is too short": 1}
    assert "1 replies could be learnt from" in run("tune", "pairs", "shop").stdout
    failed = run("tune", "pairs", "shop", "--export", str(tmp_path / "out.jsonl"))
    assert (failed.exit_code, "no dataset yet" in failed.stderr) == (1, True)


def test_a_dataset_is_shown_and_exported_and_read_again(
    run: Run, home: Path, tmp_path: Path
) -> None:
    store = _store(home)
    assistant = store.assistants.by_key("shop")
    tuned = store.runs.ask(assistant.id, config={}, requested_by="t")
    pairs = [replace(numbered(n), assistant_id=assistant.id, split="train" if n else "held_out",
                     prompt=[{"role": "user", "content": f"Where is {n}?"}])
             for n in range(3)]  # fmt: skip
    new = NewDataset(assistant.id, tuned.id, "d1", {"pairs": 3}, "# The card\n")
    store.datasets.freeze(new, pairs)
    store.database.close()
    told = _told(run("tune", "pairs", "shop", "--json"))
    assert (told["run"], told["number"], told["hash"], told["pairs"]) == (tuned.id, 1, "d1", 3)
    assert "# The card" in run("tune", "pairs", "shop").stdout
    for form in ("openai", "sharegpt", "trl"):
        out = tmp_path / f"{form}.jsonl"
        arguments = ("tune", "pairs", "shop", "--export", str(out), "--format", form)
        assert _told(run(*arguments, "--json"))["pairs"] == 3
        assert run(*arguments).exit_code == 1  # it exists already
        assert _told(run("voice", "import", "shop", str(out), "--json"))["total"] == 3
    side = tmp_path / "side.jsonl"
    run("tune", "pairs", "shop", "--export", str(side), "--side", "held_out")
    assert [
        json.loads(line)["messages"][0]["content"] for line in side.read_text().splitlines()
    ] == ["Where is 0?"]
    wrong = run("tune", "pairs", "shop", "--run", "run_none")
    assert (wrong.exit_code, "has no dataset" in wrong.stderr) == (1, True)


def test_readiness_says_what_is_missing(run: Run) -> None:
    told = _told(run("tune", "readiness", "shop", "--json"))
    assert (told["ready"], told["pairs"], told["floor"]) == (False, 0, 20)
    assert "20 are needed" in told["sentence"]


def test_a_run_that_is_not_worth_it_is_refused_before_it_begins(run: Run, home: Path) -> None:
    result = run("tune", "run", "shop")
    assert result.exit_code == 1
    assert "20 are needed" in result.stderr
    store = _store(home)
    assert store.runs.of_assistant(store.assistants.by_key("shop").id) == []
    store.database.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tune", "readiness", "nobody"), "no assistant 'nobody'"),
        (("tune", "status", "shop"), "no run yet"),
        (("adapters", "promote", "adp_1"), "no adapter 'adp_1'"),
        (("adapters", "rollback", "shop"), "nothing to roll back"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr


def test_an_unknown_method_is_wrong_usage(run: Run) -> None:
    assert run("tune", "run", "shop", "--method", "grpo").exit_code == 2


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("held_out=much", "The run's held_out is 'much'."),
        ("held_out=0.9", "Use above 0, up to 0.5."),
        ("epochs=1.5", "Use a whole number."),
        ("tuned=half", "Use lora, or full with method sft."),
        ("speed=1", "A tuning run has no setting 'speed'."),
        ('gate={"luck":1}', "The gate has no margin 'luck'."),
    ],
)
def test_a_value_that_a_run_does_not_have_is_refused_with_those_it_has(
    run: Run, given: str, told: str
) -> None:
    result = run("tune", "run", "shop", "--set", given)
    assert result.exit_code == 1
    assert told in result.stderr and "Traceback" not in result.output


def test_a_value_without_a_name_is_wrong_usage(run: Run) -> None:
    assert run("tune", "run", "shop", "--set", "full").exit_code == 2


def test_a_value_of_a_run_is_asked_for_with_it(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuning.asking.check_ready", lambda *_: None)
    _told(run("tune", "run", "shop", "--set", "held_out=0.4", "--set", "tuned=full", "--json"))
    store = _store(home)
    [asked] = store.runs.of_assistant(store.assistants.by_key("shop").id)
    assert asked.config == {"held_out": 0.4, "tuned": "full"}
    store.database.close()


def test_an_adapter_is_listed_and_exported(run: Run, home: Path, tmp_path: Path) -> None:
    adapter = _registered(home)
    listed = _told(run("adapters", "list", "shop", "--json"))
    assert [row["id"] for row in listed["adapters"]] == [adapter.id]
    assert listed["active"] == "base"
    out = tmp_path / "out"
    _told(run("adapters", "export", adapter.id, "--format", "peft", "--out", str(out), "--json"))
    assert (out / "adapter_config.json").read_text() == "{}"
    again = run("adapters", "export", adapter.id, "--format", "peft", "--out", str(out))
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)


def test_an_adapter_that_did_not_pass_is_not_promoted(run: Run, home: Path) -> None:
    adapter = _registered(home)
    result = run("adapters", "promote", adapter.id)
    assert result.exit_code == 1
    assert "too long" in result.stderr


def test_the_commands_are_found_by_the_parlance_command() -> None:
    assert isinstance(main, click.Group)
    assert {"tune", "voice", "adapters"} <= set(main.commands)


def _registered(home: Path) -> Adapter:
    store = _store(home)
    assistant = store.assistants.by_key("shop")
    run = store.runs.ask(assistant.id, config={}, requested_by="t")
    folder = home / "adapters" / "adp_t" / "adapter"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}")
    adapter = store.adapters.register(
        Adapter(
            seq=0, id="adp_t", assistant_id=assistant.id, run_id=run.id, digest="d",
            base_sha256="b", prompt_version=PROMPT_VERSION, path="adapters/adp_t", manifest={},
            report={"gate": {"passed": False, "reasons": ["its answers are too long"]}},
            passed=False, created_at=now(),
        )
    )  # fmt: skip
    store.database.close()
    return adapter


def test_readiness_tells_what_the_console_shows(run: Run, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "voice.jsonl"
    rows = [{"question": "Open?", "answer": "Yes, friend."}, {"question": "open", "answer": "No."}]
    file.write_text("\n".join(map(json.dumps, rows)))
    run("voice", "import", "shop", str(file))
    told = _told(run("tune", "readiness", "shop", "--json"))
    assert told["ready"] is False and told["new"] == 2 and told["floor"] == 20
    assert told["pages"] == {"all": 0, "touched": 0, "missing": []}
    assert told["contradictions"][0]["reason"] == "one says yes, the other no"
    words = run("tune", "readiness", "shop").output
    assert "Not yet." in words and "Settle 1 contradiction" in words and "curated answers" in words


def test_a_schedule_is_set_shown_and_switched_off(run: Run) -> None:
    assert _told(run("tune", "schedule", "shop", "--json"))["next"] is None
    told = _told(
        run("tune", "schedule", "shop", "0 3 * * 1", "--hours", "22-6", "--time-zone",
            "Europe/Oslo", "--promote", "canary first", "--watch", "off", "--json")
    )  # fmt: skip
    assert told["schedule"] == "0 3 * * 1" and told["next"] and told["promote"] == "canary first"
    assert (told["from_hour"], told["to_hour"], told["watch_drift"]) == (22, 6, False)
    assert "The next run begins" in run("tune", "schedule", "shop").output
    off = _told(run("tune", "schedule", "shop", "--off", "--json"))
    assert off["schedule"] == "" and off["promote"] == "canary first"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["at night"], "five fields"),
        (["--hours", "late"], "Write them as 22-6"),
        (["--hours", "22-99"], "to_hour"),
        (["--time-zone", "Nowhere"], "time_zone"),
        (["--promote", "always"], "promote"),
    ],
)
def test_a_wrong_schedule_changes_nothing(run: Run, arguments: list[str], said: str) -> None:
    result = run("tune", "schedule", "shop", *arguments)
    assert result.exit_code == 1 and said in result.output
    assert _told(run("tune", "schedule", "shop", "--json"))["schedule"] == ""


def test_a_canary_is_started_shown_and_stopped(run: Run, home: Path) -> None:
    assert "There was no canary yet" in run("adapters", "trial", "shop").output
    store = _store(home)
    shop = store.assistants.by_key("shop").id
    asked = store.runs.ask(shop, config={}, requested_by="t")
    store.runs.end(asked.id, "passed")
    made = Adapter(0, "adp_x", shop, asked.id, "d", "b", PROMPT_VERSION, "x", {}, {}, True, now())
    store.adapters.register(made)
    started = _told(run("adapters", "canary", "adp_x", "--share", "0.1", "--json"))
    assert (started["status"], started["share"], started["turns"]) == ("running", 0.1, 100)
    assert run("adapters", "canary", "adp_x").exit_code == 1
    assert run("adapters", "canary", "adp_x", "--share", "0.9").exit_code == 1
    assert _told(run("adapters", "trial", "shop", "--stop", "--json"))["status"] == "stopped"
    assert "cli stopped it." in run("adapters", "trial", "shop").output
    store.database.close()


def test_readiness_says_whether_the_content_is_enough_to_ground_in(run: Run) -> None:
    told = _told(run("tune", "readiness", "shop", "--json"))["grounding"]
    assert (told["ready"], told["headings"], told["needed"]) == (False, 0, 86)
    assert told["offered"] is False
    words = run("tune", "readiness", "shop").output
    assert "Grounding: A grounding run needs 86 headings" in words


def test_a_grounding_run_is_asked_for_by_its_kind_or_refused_in_a_sentence(
    run: Run, home: Path
) -> None:
    refused = run("tune", "run", "shop", "--kind", "grounding")
    assert (refused.exit_code, "needs 86 headings" in refused.stderr) == (1, True)
    assert run("tune", "run", "shop", "--kind", "facts").exit_code == 2
    store = _store(home)
    shop = store.assistants.by_key("shop")
    for n in range(86):
        said = (f"Thing number {n} stands in hall {n} beside the harbour wall.",)
        page = f"https://shop.example/{n}"
        teach(store, shop, page, f"Where does thing {n} stand?", said, WordEmbedder())
    assert "parlance tune run shop --kind grounding" in run("tune", "readiness", "shop").output
    _told(run("tune", "run", "shop", "--kind", "grounding", "--json"))
    [asked] = store.runs.of_assistant(shop.id)
    assert asked.config == {"kind": "grounding"}
    store.database.close()


def test_what_becomes_of_new_content_is_planned(run: Run) -> None:
    assert _told(run("tune", "schedule", "shop", "--json"))["grounding"] == "ask"
    assert _told(run("tune", "schedule", "shop", "--grounding", "auto", "--json"))["grounding"] == (
        "auto"
    )
    assert "once new content has settled" in run("tune", "schedule", "shop").output
