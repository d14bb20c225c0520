"""The manifest beside an adapter: what it was made from and with, and the hashes of its files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from server.llm.models import file_sha256
from server.prompt import PROMPT_VERSION
from server.store.pairs import GROUNDING, Pair, Preference
from tuning.config import TuningConfig

MANIFEST = "manifest.json"
FORMAT = 1
_PACKAGES = ("torch", "transformers", "peft", "trl")


def manifest(
    *,
    adapter_id: str,
    run_id: str,
    base_sha256: str,
    config: TuningConfig,
    pairs: Sequence[Pair],
    preferences: Sequence[Preference] = (),
) -> dict[str, Any]:
    """Describe an adapter; the files' hashes are added once the files are there."""
    replies = [pair for pair in pairs if pair.origin != GROUNDING]
    return {
        "format": FORMAT,
        "adapter": adapter_id,
        "run": run_id,
        "base_sha256": base_sha256,
        "prompt_version": PROMPT_VERSION,
        "config": config.as_dict(),
        "dataset": dataset_hash(pairs, preferences),
        "pairs": {
            "train": sum(pair.split == "train" for pair in replies),
            "held_out": sum(pair.split == "held_out" for pair in replies),
            "grounding": len(pairs) - len(replies),
        },
        "packages": {name: version(name) for name in _PACKAGES},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def dataset_hash(pairs: Iterable[Pair], preferences: Iterable[Preference] = ()) -> str:
    """One hash of all rows with their sides, whatever their order."""
    rows: list[Pair | Preference] = [*pairs, *preferences]
    lines = sorted(f"{row.hash} {row.split}" for row in rows)
    return sha256("\n".join(lines).encode()).hexdigest()


def file_hashes(folder: Path) -> dict[str, str]:
    """The sha256 of every file below a folder but the manifest itself."""
    return {
        str(path.relative_to(folder)): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Write or replace a folder's manifest in one step."""
    draft = folder / f".{MANIFEST}"
    draft.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    draft.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return found
