"""Folders of model files: made whole or not at all, with a manifest that proves them later."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server.errors import Unavailable

MANIFEST = "manifest.json"
# Raise it when a preparation writes different files: older folders are then made anew.
FORMAT = 1


@contextmanager
def built_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `target` in one rename, or vanishes on an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    try:
        yield folder
        folder.chmod(0o755)
        sync_tree(folder)
        if target.exists():
            shutil.rmtree(target)
        folder.rename(target)
        sync(target.parent)
    except OSError as fault:
        raise Unavailable(
            f"the model could not be written ({fault.strerror}).", hint="Check the disk."
        ) from fault
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_manifest(folder: Path, facts: dict[str, str]) -> None:
    files = {
        str(path.relative_to(folder)): {"size": path.stat().st_size, "sha256": file_sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    write_json(folder / MANIFEST, {"format": FORMAT, **facts, "files": files})


def read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
    sync(draft)
    draft.rename(path)
    sync(path.parent)


def sync_tree(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        sync(path)


def sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_complete(folder: Path) -> bool:
    manifest = read_json(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        return False
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == entry["size"]
        for name, entry in manifest["files"].items()
    )


def verify(folder: Path) -> list[str]:
    """Recompute the hashes of a prepared folder; return the names that differ from its manifest."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return [
        name
        for name, entry in manifest["files"].items()
        if not (folder / name).is_file() or file_sha256(folder / name) != entry["sha256"]
    ]


def file_sha256(path: Path) -> str:
    """Hash a file in constant memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
