"""Settings: read in one place, and the same in the code, the manual and env.example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.config import Settings, as_environment, describe, load
from server.errors import Invalid

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| `(PARLANCE_\w+)` \| (?:`([^`]*)`|empty) \| (.*) \|$", re.MULTILINE)


def test_the_manual_lists_every_setting_with_its_default_and_help() -> None:
    page = (ROOT / "server/docs/08-settings.md").read_text(encoding="utf-8")
    assert ROW.findall(page) == describe()


def test_env_example_lists_every_setting_with_its_default_and_help() -> None:
    text = (ROOT / "deploy/env.example").read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in text.strip().split("\n\n")[1:]]
    listed = []
    for *help, setting in blocks:
        name, _, default = setting.removeprefix("#").partition("=")
        listed.append((name, default, " ".join(line.removeprefix("# ") for line in help)))
    assert listed == describe()


def test_env_example_changes_nothing_as_it_is_and_loads_once_uncommented() -> None:
    lines = (ROOT / "deploy/env.example").read_text(encoding="utf-8").splitlines()
    assert all(line == "" or line.startswith("#") for line in lines)
    pairs = (line[1:].partition("=") for line in lines if line.startswith("#PARLANCE_"))
    assert load({name: value for name, _, value in pairs}) == Settings()


def test_no_document_names_a_setting_that_does_not_exist() -> None:
    known = {name for name, _, _ in describe()}
    files = [*ROOT.glob("server/docs/*.md"), *ROOT.glob("*.md"), *ROOT.glob("deploy/*")]
    named = {
        (path.name, name)
        for path in files
        if path.is_file()
        for name in re.findall(r"PARLANCE_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))
    }
    assert named
    assert {pair for pair in named if pair[1] not in known} == set()


def test_a_child_process_gets_the_same_settings() -> None:
    chosen = Settings(home=Path("/tmp/x"), port=9000, demo=True, crawl_private="wiki.lan")
    assert load(as_environment(chosen)) == chosen


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PARLANCE_PORT", "http", "PARLANCE_PORT is 'http'. Use a whole number."),
        ("PARLANCE_PORT", "70000", "PARLANCE_PORT is 70000."),
        ("PARLANCE_DEMO", "maybe", "PARLANCE_DEMO is 'maybe'. Use true or false."),
        ("PARLANCE_SECRET_KEY", "short", "PARLANCE_SECRET_KEY is too short"),
    ],
)
def test_a_wrong_value_is_told_with_the_name_of_its_variable(
    name: str, value: str, told: str
) -> None:
    with pytest.raises(Invalid) as raised:
        load({name: value})
    assert told in str(raised.value)


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "TRUE"])
def test_true_may_be_written_in_several_ways(value: str) -> None:
    assert load({"PARLANCE_DEMO": value}).demo


def test_addresses_fall_back_on_host_port_and_home() -> None:
    settings = Settings(home=Path("/srv/p"), public_url="https://chat.example.org/")
    assert settings.url == "https://chat.example.org"
    assert Settings(port=9000).url == "http://127.0.0.1:9000"
    assert settings.database == "sqlite:////srv/p/parlance.db"
    assert settings.jobs_database == "sqlite:////srv/p/jobs.db"
