"""A63 and A64: data is never taken for code, libraries with known holes are refused at start, and
nothing needs the network at run time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.load import dumps, loads
from packaging.requirements import Requirement
from packaging.version import Version

from server.errors import Unavailable
from server.knowledge.documents import read_document
from server.llm.models import Prepared
from server.retrieval.hybrid import PassageRetriever
from server.store.pairs import NewExample
from server.store.reviews import Verdict
from server.versions import check_versions, declared
from tests.hardening.conftest import cut_off
from tests.speaking import SITE, Talk

ROOT = Path(__file__).parents[2]
VARIABLE, VALUE = "PARLANCE_TEST_KEY", "sk-value-that-must-never-appear"
SECRET = {"lc": 1, "type": "secret", "id": [VARIABLE]}
TOLD = json.dumps(SECRET)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in the environment, where the marked object would fetch it from."""
    monkeypatch.setenv(VARIABLE, VALUE)


def _stored(talk: Talk) -> bytes:
    """All that the database and its journal hold."""
    folder = Path(str(talk.store.database.engine.url.database)).parent
    return b"".join(path.read_bytes() for path in folder.glob("parlance.db*"))


@pytest.mark.usefixtures("environment")
def test_a63_a_document_with_a_marked_object_stays_text_through_a_whole_turn(talk: Talk) -> None:
    body = f"---\ntitle: {TOLD}\n---\n\n# {TOLD}\n\nThe key of the shop is {TOLD} they say.\n"
    read = read_document("keys.md", body.encode())
    assert any("PARLANCE_TEST_KEY" in block.text for block in read.blocks)
    talk.learn(f"{SITE}/keys", TOLD, [f"The key of the shop is {TOLD} they say."])
    talk.says = lambda _: [f"The key of the shop is {TOLD} they say."]
    turn = talk.ask("What is the key of the shop?")
    assert VARIABLE in turn.reply
    assert turn.citations[0]["title"] == TOLD
    assert VALUE not in json.dumps([turn.reply, turn.messages, turn.evidence, turn.citations])
    assert VALUE.encode() not in _stored(talk)


@pytest.mark.usefixtures("environment")
def test_a63_what_visitors_and_reviewers_write_stays_text(talk: Talk) -> None:
    turn = talk.ask(f"Can orders be returned? {TOLD}")
    assert turn.question.endswith(TOLD)
    verdict = Verdict("corrected", fault="tone", reply=f"Gladly. {TOLD}", note=TOLD)
    judged = talk.store.reviews.judge(turn.id, verdict, reviewer="ada")
    talk.store.pairs.import_examples(talk.assistant.id, [NewExample(TOLD, TOLD)], origin=TOLD)
    assert (judged.reply, judged.note) == (f"Gladly. {TOLD}", TOLD)
    assert VALUE.encode() not in _stored(talk)


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
@pytest.mark.usefixtures("environment")
def test_a63_langchain_keeps_marked_metadata_plain_even_if_somebody_loads_it(talk: Talk) -> None:
    """An owner's own chain may dump and load our documents: this must not be the old library."""
    talk.learn(f"{SITE}/keys", TOLD, ["The key of the shop lies under the mat."])
    retriever = PassageRetriever(retriever=talk.retriever, assistant_id=talk.assistant.id)
    found = next(d for d in retriever.invoke("Where is the key?") if d.metadata["title"] == TOLD)
    found.metadata["given"] = SECRET
    dumped = dumps(found)
    again = loads(dumped, allowed_objects=[Document], secrets_from_env=True)
    assert again.metadata["given"] == SECRET and again.metadata["title"] == TOLD
    assert VALUE not in dumped and VALUE not in str(again)


def test_a63_nothing_of_ours_makes_objects_of_stored_data() -> None:
    loaders = re.compile(
        r"^\s*(?:from|import) (?:pickle|marshal|jsonpickle|langchain_core\.load)", re.M
    )
    sources = [*ROOT.glob("server/**/*.py"), *ROOT.glob("tuning/**/*.py")]
    assert [str(p) for p in sources if loaders.search(p.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("extra", "name", "least"),
    [
        ("tuning", "torch", "2.10"),  # CVE-2025-32434, CVE-2026-24747
        ("tuning", "safetensors", "0.6"),
        ("", "langchain-core", "1.2.5"),  # CVE-2025-68664
        ("", "pypdfium2", "5.15"),
    ],
)
def test_a64_the_package_declares_bounds_above_the_known_holes(
    extra: str, name: str, least: str
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["optional-dependencies"][extra] if extra else project["dependencies"]
    [needed] = [r for r in map(Requirement, listed) if r.name == name]
    bound = next(s.version for s in needed.specifier if s.operator == ">=")
    assert Version(bound) >= Version(least)
    pinned = re.search(rf"^{name}==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned and Version(pinned[1]) >= Version(bound)
    assert name in {r.name for r in declared(extra)}, "it would not be looked at"


def test_a64_what_is_installed_here_is_new_enough() -> None:
    check_versions()
    check_versions("tuning")


def _but(**other: str | None) -> Callable[[str], str]:
    def installed(name: str) -> str:
        found = other.get(name.replace("-", "_"), version(name))
        if found is None:
            raise PackageNotFoundError(name)
        return found

    return installed


def test_a64_an_older_or_missing_library_is_named_with_the_way_out() -> None:
    with pytest.raises(Unavailable, match=r"langchain-core 1\.2\.4 is older .* make setup"):
        check_versions(installed=_but(langchain_core="1.2.4"))
    with pytest.raises(Unavailable, match=r"torch 2\.9\.1 is older .* pip install"):
        check_versions("tuning", installed=_but(torch="2.9.1"))
    with pytest.raises(Unavailable, match="torch is not installed"):
        check_versions("tuning", installed=_but(torch=None))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "older"),
    [("tuning.worker", "torch", "2.9.1"), ("server.serve", "langchain_core", "1.2.4")],
)
def test_a64_a_process_does_not_start_beside_an_older_library(
    tmp_path: Path, module: str, name: str, older: str
) -> None:
    shadow = tmp_path / "shadow" / f"{name}-{older}.dist-info"
    shadow.mkdir(parents=True)
    (shadow / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {older}\n")
    paths = os.pathsep.join([str(shadow.parent), str(ROOT)])
    home = {"PARLANCE_HOME": str(tmp_path / "home"), "PARLANCE_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", module],
        env=os.environ | home | {"PYTHONPATH": paths},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0
    assert f"{name.replace('_', '-')} {older} is older" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.model
def test_a64_reading_and_answering_need_no_network(prepared: Prepared, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(prepared.root.parent)
    command = [*cut_off(), sys.executable, "-m", "tests.hardening.offline", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["source"], told["ended"]) == ("ready", "done")
    assert "nine" in told["reply"]
    assert told["tried"] == []
