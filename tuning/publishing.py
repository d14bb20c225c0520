"""Publishing: an adapter's folder gets its manifest and its name, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tuning.child import read_json
from tuning.manifest import file_hashes, read_manifest, write_manifest
from tuning.places import ASSEMBLED, Places


def publish(places: Places, report: dict[str, Any]) -> None:
    """Give the adapter's folder its manifest and its name, in one rename; once."""
    if places.adapter.is_dir():
        return
    content = read_manifest(places.making / "adapter")
    content |= {
        "digest": read_json(places.job / ASSEMBLED)["digest"],
        "voice_words": report["voice_words"],
        "files": file_hashes(places.making),
    }
    write_manifest(places.making, content)
    for path in [*places.making.rglob("*"), places.making]:
        _sync(path)
    places.making.rename(places.adapter)
    _sync(places.adapter.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
