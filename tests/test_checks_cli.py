"""`parlance test` against a running server: pass rate, failures, comparison, exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.checking.running import Checker
from server.store.checks import NewCheck
from tests.checking.conftest import run_through
from tests.speaking import QUESTION, RETURNS, SITE
from tests.test_cli import Desk, desk

__all__ = ["desk"]  # a fixture

PAGE = {"url": f"{SITE}/returns"}
OFF_TOPIC = "Who wrote the opera Tosca?"


@pytest.fixture
def listed(desk: Desk) -> Iterator[Desk]:
    """The desk with a list of two: one passes, one must fail."""
    for question, expect in ((QUESTION, PAGE), (OFF_TOPIC, {"phrase": "Puccini"})):
        _add(desk, question, expect)
    # What is not in the evidence is not said: then the best evidence is quoted.
    desk.talk.says = lambda m: [RETURNS[0] if QUESTION in str(m[-1].content) else "It was Verdi."]
    yield desk


def _add(desk: Desk, question: str, expect: dict[str, str] | None) -> None:
    desk.talk.store.checks.add(desk.talk.assistant.id, NewCheck(question, expect), author="x")


def test_the_list_is_asked_and_told_as_one_object(listed: Desk) -> None:
    told = listed.json("test", "acme")
    assert set(told) == {"passed", "total", "pass_rate", "before", "changed", "failures", "run"}
    assert (told["passed"], told["total"], told["pass_rate"]) == (1, 2, 0.5)
    assert told["before"] is None and told["changed"] == []
    assert [f["question"] for f in told["failures"]] == [OFF_TOPIC]
    assert set(told["failures"][0]) == {"question", "why", "reply"}


def test_a_run_is_compared_with_the_one_before(listed: Desk) -> None:
    listed.run("test", "acme")
    listed.talk.learn(f"{SITE}/tosca", "Tosca", ["Giacomo Puccini wrote the opera Tosca."])
    told = listed.json("test", "acme")
    assert told["before"] == {"passed": 1, "total": 2}
    assert (told["passed"], told["changed"]) == (2, ["content"])
    listed.talk.learn(f"{SITE}/tosca", "Tosca", ["The page of the opera is empty for now."])
    plain = listed.run("test", "acme")
    assert plain.exit_code == 0, "a question that fails is a result, no failure of the command"
    assert "1 of 2 pass (50%)." in plain.stdout
    assert "Before: 2 of 2. Changed since: content." in plain.stdout
    assert f"- now fails:  {OFF_TOPIC}" in plain.stdout and f"✗ {OFF_TOPIC}" in plain.stdout


@pytest.mark.parametrize(("share", "status"), [("0.5", 0), ("0.51", 1), ("0", 0), ("2", 2)])
def test_a_pass_rate_under_the_bound_is_status_1(listed: Desk, share: str, status: int) -> None:
    done = listed.run("test", "acme", "--at-least", share, "--json")
    assert done.exit_code == status
    if status < 2:
        assert json.loads(done.stdout)["passed"] == 1
    if status == 1:
        assert "1 of 2 pass, which is under 51%." in done.stderr


def test_a_list_is_imported_before_it_is_asked(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "list.jsonl"
    file.write_text(json.dumps({"question": QUESTION, "expect": PAGE}) + "\n")
    done = desk.run("test", "acme", "--import", str(file))
    assert done.exit_code == 0 and "1 of 1 pass" in done.stdout
    assert "1 questions added, 0 changed." in done.stderr
    file.write_text(file.read_text() + "{bad\n")
    wrong = desk.run("test", "acme", "--import", str(file))
    assert wrong.exit_code == 1 and "Row 2 of list.jsonl" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "said"), [(["nobody"], "no assistant"), (["acme"], "question list is empty")]
)
def test_a_run_that_cannot_be_done_is_one_sentence_and_status_1(
    desk: Desk, arguments: list[str], said: str
) -> None:
    done = desk.run("test", *arguments)
    assert done.exit_code == 1 and said in done.stderr and "Traceback" not in done.output


def test_a_run_that_is_under_way_is_waited_for(listed: Desk, monkeypatch: Any) -> None:
    store, talk = listed.talk.store, listed.talk
    other = store.check_runs.ask(talk.assistant.id, requested_by="automatic")
    waited: list[float] = []

    def ends(seconds: float) -> None:
        waited.append(seconds)
        run_through(Checker(store, talk.chat, talk.voices), other.id)

    monkeypatch.setattr("server.commands.checks.time.sleep", ends)
    told = listed.json("test", "acme")
    assert waited and told["run"] != other.id
    assert told["before"] == {"passed": 1, "total": 2}


def test_a_run_that_was_cancelled_meanwhile_is_told(listed: Desk) -> None:
    store = listed.talk.store

    def cancels(_: object) -> list[str]:
        run = store.check_runs.of_assistant(listed.talk.assistant.id)[0]
        store.check_runs.end(run.id, "cancelled")
        return ["Orders can be returned within 30 days of delivery."]

    listed.talk.says = cancels
    done = listed.run("test", "acme")
    assert done.exit_code == 1 and "it is cancelled" in done.stderr
