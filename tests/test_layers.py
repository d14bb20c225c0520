"""What the serving process brings into memory: no torch, whatever it opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from server.llm.models import Prepared

HEAVY = ("torch", "transformers", "peft", "trl", "tuning")


def _loaded(code: str, *arguments: str) -> set[str]:
    """The heavy modules that a fresh process holds after running some code."""
    found = f"' '.join(m for m in {HEAVY} if m in sys.modules)"
    told = f"{code}\nimport sys; sys.stderr.write('LOADED ' + {found})"
    done = subprocess.run(
        [sys.executable, "-c", told, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize(
    "module", ["server.app", "server.serve", "server.services", "server.supervisor"]
)
def test_importing_the_serving_side_brings_no_torch(module: str) -> None:
    assert _loaded(f"import {module}") == set()


@pytest.mark.slow
@pytest.mark.model
def test_opening_and_asking_brings_no_torch_either(prepared: Prepared, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(prepared.root.parent)
    code = """
import sys
from pathlib import Path
from server.app import create_app
from server.config import Settings
from server.services import open_services
services = open_services(Settings(home=Path(sys.argv[1])))
assistant = services.store.assistants.create("Acme", key="acme")
http = create_app(services).test_client()
assert http.get("/readyz").status_code == 200
conversation = services.store.conversations.start(
    assistant.id, visitor_id="v", token_hash="h", page_url="")
live = services.chat.ask(assistant, conversation, "What is this?")
assert [e.name for e in live.follow() if e][-1] == "done"
services.close()
"""
    assert _loaded(code, str(tmp_path)) == set()
