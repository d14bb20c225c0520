"""The parlance command against a running server: one JSON object, one sentence, exit codes."""

from __future__ import annotations

import csv
import io
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from server.app import create_app
from server.checking.running import Checker
from server.cli import main, read_jsonl
from server.config import Settings
from server.errors import Invalid
from server.knowledge.ingest import Ingestion
from server.knowledge.reading import Reader
from server.presence import announce
from server.services import Services
from server.store import open_store
from tests.checking.conftest import run_through
from tests.knowledge.test_ingest import workflow
from tests.speaking import QUESTION, RETURNS, Talk


class _AtOnce:
    """Stands for the job system: what is queued is done before the call returns."""

    def __init__(self, reader: Reader, checker: Checker) -> None:
        self._reader = reader
        self._checker = checker

    def enqueue(self, queue: str, name: str, *args: str, workflow_id: str) -> None:
        if name == "check":
            run_through(self._checker, args[0])
        else:
            workflow(self._reader, args[0])


@dataclass
class Desk:
    """A running server and a shell beside it."""

    home: Path
    talk: Talk

    def run(self, *arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(
            main, list(arguments), env={"PARLANCE_HOME": str(self.home)}, **options
        )

    def json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(home=tmp_path / "home", port=port)
    settings.home.mkdir()
    talk = Talk(open_store(settings.database))
    reader = Reader(settings, talk.store, talk.embedder, talk.vectors)
    jobs = cast(Any, _AtOnce(reader, Checker(talk.store, talk.chat, talk.voices)))
    services = Services(
        settings=settings,
        store=talk.store,
        jobs=jobs,
        vectors=talk.vectors,
        retriever=talk.retriever,
        voices=talk.voices,
        ingestion=Ingestion(settings, talk.store, jobs),
        chat=talk.chat,
    )
    server = make_server("127.0.0.1", port, create_app(services), threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    announce(settings)
    yield Desk(settings.home, talk)
    server.shutdown()
    server.server_close()
    reader._fetcher.close()
    talk.chat.close()
    talk.store.database.close()


def _is_one_sentence(done: Result, said: str) -> None:
    assert done.exit_code == 1, done.output
    assert said in done.stderr and "Traceback" not in done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_an_assistant_is_created_listed_shown_and_set(desk: Desk) -> None:
    made = desk.json("assistants", "create", "Zoo", "--key", "zoo", "--origin", "https://zoo.x")
    assert made["key"] == "zoo" and made["settings"]["origins"] == ["https://zoo.x"]
    keys = [a["key"] for a in desk.json("assistants", "list")["assistants"]]
    assert keys == ["acme", "zoo"]
    assert desk.json("assistants", "show", "zoo")["name"] == "Zoo"
    changed = desk.json("assistants", "set", "zoo", "origins", "https://a.x", "https://b.x")
    assert changed["settings"]["origins"] == ["https://a.x", "https://b.x"]
    assert "tone is now" in desk.run("assistants", "set", "zoo", "tone", "Dry.").stdout
    assert "data-assistant" in desk.run("assistants", "create", "Another").stdout


def test_a_question_is_answered_with_its_sources(desk: Desk) -> None:
    told = desk.json("ask", "acme", QUESTION)
    assert told["answer"] == " ".join(RETURNS[:2]) and told["label"] == "supported"
    assert set(told) >= {"answer", "label", "citations", "adapter", "turn", "timings"}
    plain = desk.run("ask", "acme", QUESTION, "--conversation", told["conversation"]).stdout
    assert plain.startswith(RETURNS[0]) and "[1] " in plain and "https://" in plain


def test_an_answer_that_fails_ends_with_a_sentence_and_status_1(desk: Desk) -> None:
    def broken(_: object) -> Iterator[str]:
        yield "Orders "
        raise RuntimeError("secret")

    desk.talk.says = broken
    _is_one_sentence(desk.run("ask", "acme", QUESTION), "could not be finished")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", "nobody", "Hm?"], "no assistant 'nobody'"),
        (["ask", "acme", ""], "empty"),
        (["assistants", "create", " "], "name"),
        (["assistants", "create", "Acme", "--key", "acme"], "taken"),
        (["assistants", "set", "acme", "colour", "red"], "colour"),
        (["ingest", "acme", "no-such-file.md"], "no-such-file.md"),
        (["ingest", "acme", "ftp://a.example/"], "ftp://a.example/"),
        (["ingest", "acme", "http://127.0.0.1:9/"], "127.0.0.1"),
    ],
)
def test_a_failure_is_one_sentence_and_status_1(
    desk: Desk, arguments: list[str], said: str
) -> None:
    _is_one_sentence(desk.run(*arguments, *(["--wait"] if "ingest" in arguments else [])), said)


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["ask"], ["ingest", "acme"], ["ingest", "acme", "x", "--kind", "nonsense"]],
)
def test_wrong_usage_is_status_2(desk: Desk, arguments: list[str]) -> None:
    assert desk.run(*arguments).exit_code == 2


def test_a_curated_answer_is_added_given_listed_and_switched_off(desk: Desk) -> None:
    made = desk.json("curated", "add", "acme", "Do you gift wrap?", "Yes.", "--variant", "Bows?")
    assert made["variants"] == ["Bows?"] and made["status"] == "approved"
    told = desk.json("ask", "acme", "do you gift wrap")
    assert (told["label"], told["answer"], told["citations"]) == ("curated", "Yes.", [])
    listed = desk.run("curated", "list", "acme").stdout
    assert "Do you gift wrap?" in listed and "1 hits" in listed
    assert desk.json("curated", "off", made["id"])["status"] == "off"
    _is_one_sentence(desk.run("curated", "add", "acme", " ", "Yes."), "question is missing")


def test_files_and_folders_are_read(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "a.md").write_text("# Anvils\n\nAn anvil weighs forty kilos and is made of iron.\n")
    (folder / "b.csv").write_text("question,answer\nWhen are you open?,From nine to five.\n")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    told = desk.json("ingest", "acme", str(folder), "--wait")
    assert [s["pages"] for s in told["sources"]] == [1, 1]
    one = desk.json("ingest", "acme", str(folder / "a.md"), "--wait")
    assert {"source", "pages", "passages", "embedded", "skipped", "failed", "seconds"} == set(one)
    assert desk.json("ask", "acme", "What does an anvil weigh?")["label"] in {
        "supported",
        "uncertain",
    }


def test_a_folder_with_nothing_to_read_is_a_sentence(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _is_one_sentence(desk.run("ingest", "acme", str(tmp_path / "empty")), "nothing to read")


def test_conversations_are_exported_as_lines_and_as_a_table(desk: Desk) -> None:
    desk.talk.ask("=cmd()")
    desk.talk.ask(QUESTION)
    lines = desk.run("conversations", "export", "acme").stdout.splitlines()
    assert [json.loads(line)["question"] for line in lines] == ["=cmd()", QUESTION]
    table = desk.run("conversations", "export", "acme", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    assert rows[1]["question"] == QUESTION and rows[1]["label"] == "supported"
    assert [json.loads(line)["label"] for line in lines] == [row["label"] for row in rows]
    assert all(isinstance(json.loads(line)["signals"], dict) for line in lines)


def test_a24_a_cell_that_a_spreadsheet_would_run_is_text(desk: Desk) -> None:
    for question in ("=cmd()", "+1", "-1", "@x"):
        desk.talk.ask(question)
    table = desk.run("conversations", "export", "acme", "--format", "csv").stdout
    questions = [row["question"] for row in csv.DictReader(io.StringIO(table))]
    assert questions == ["'=cmd()", "'+1", "'-1", "'@x"]


def test_verdicts_go_in_and_come_out(desk: Desk, tmp_path: Path) -> None:
    turn = desk.talk.ask()
    file = tmp_path / "reviews.jsonl"
    file.write_text(json.dumps({"turn": turn.id, "verdict": "approved"}) + "\n\n")
    assert desk.json("review", "import", "acme", str(file)) == {"imported": 1}
    out = [json.loads(x) for x in desk.run("review", "export", "acme").stdout.splitlines()]
    assert [(r["turn"], r["verdict"]) for r in out] == [(turn.id, "approved")]
    file.write_text(json.dumps({"turn": turn.id, "verdict": "splendid"}))
    _is_one_sentence(desk.run("review", "import", "acme", str(file)), "Row 1")


@pytest.mark.parametrize("content", [b"{}\n{bad\n", b"{}\n[1]\n", b"{}\n\xff\xfe\n"])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    with pytest.raises(Invalid, match=r"rows\.jsonl"):
        read_jsonl(file)


def test_a_line_separator_in_a_text_ends_no_line(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"turn": "trn_1", "reply": "One\u2028two\u0085three"}, {"turn": "trn_2"}]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    assert read_jsonl(file) == rows


def test_people_are_added_and_invited_before_anything_else_was_done(tmp_path: Path) -> None:
    environment = {"PARLANCE_HOME": str(tmp_path / "new" / "home")}
    added = CliRunner().invoke(
        main,
        ["users", "add", "ana@example.org", "--role", "owner", "--password", "correct horse b"],
        env=environment,
    )
    assert added.exit_code == 0, added.output
    invited = CliRunner().invoke(main, ["users", "invite"], env=environment)
    assert invited.exit_code == 0 and "/console/setup/" in invited.stdout


def test_a_setting_that_is_wrong_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["assistants", "list"], env={"PARLANCE_HOME": str(tmp_path), "PARLANCE_PORT": "x"}
    )
    _is_one_sentence(done, "PARLANCE_PORT")


def test_a_server_that_went_away_is_one_sentence(desk: Desk) -> None:
    state = desk.home / "server.json"
    told = json.loads(state.read_text())
    state.write_text(json.dumps(told | {"url": "http://127.0.0.1:9"}))
    _is_one_sentence(desk.run("assistants", "list"), "does not answer")


def test_eval_prints_the_figures_of_a_set_and_writes_a_page(desk: Desk, tmp_path: Path) -> None:
    rows = [
        {"question": QUESTION, "expect": {"url": "https://www.acme.example/returns"}},
        {"question": "Who composed the opera about penguins?", "expect": None},
    ]
    file, page = tmp_path / "set.jsonl", tmp_path / "out" / "page.html"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    found = desk.json("eval", "acme", "--set", str(file), "--report", str(page))
    assert (found["n"], found["answered"], found["refused"]) == (2, 1, 1)
    for name in ("recall_at_1", "refusal_recall", "citation_precision"):
        assert found[name] == 1.0
    assert (found["over_refusal"], found["wrong_facts"], found["crag"]) == (0.0, 0.0, 0.5)
    assert {"recall_at_5", "ndcg_at_10", "seconds_per_answer", "ci"} <= set(found)
    assert desk.talk.store.conversations.all_turns(desk.talk.assistant.id) == []
    written = page.read_text()
    assert "<svg" in written and "What was not right" in written
    assert "CRAG" in desk.run("eval", "acme", "--set", str(file)).stdout


def test_eval_names_a_wrong_row_before_anything_is_asked(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text('{"question": "What?", "expect": null}\n{"question": "Why?"}\n')
    done = desk.run("eval", "acme", "--set", str(file))
    assert done.exit_code == 1 and "Row 2" in done.stderr
