"""Preparing models: bad files, doing it once, and nothing half-made."""

import json
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.errors import Invalid, Unavailable
from server.llm import models
from server.llm.models import Prepared, prepare, verify

DISK = shutil.disk_usage("/")


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"just some text that is longer than a header", "not a GGUF"),
        (b"", "not a GGUF"),
        (b"GGUF\x03", "not a GGUF"),
        (b"GGUF" + struct.pack("<IQQ", 99, 1, 1), "version 99"),
    ],
)
def test_a_file_that_is_no_gguf_is_one_clear_sentence(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = _write(tmp_path / "model.gguf", content)
    with pytest.raises(Invalid, match=reason):
        prepare(tmp_path / "home", str(file))
    assert _left_over(tmp_path / "home") == []


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"no model file at .*PARLANCE_MODEL"):
        prepare(tmp_path, str(tmp_path / "absent.gguf"))


@pytest.mark.parametrize("name", ["hub:owner/repo", "hub:x.gguf", "hub:owner/repo/weights.bin"])
def test_a_hub_name_without_a_gguf_is_refused_before_any_request(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="names no GGUF"):
        prepare(tmp_path, name)


def test_b23_a_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = DISK._replace(free=10 << 20)
    monkeypatch.setattr(models.shutil, "disk_usage", lambda _: full)
    with pytest.raises(Unavailable, match="10 MB free"):
        prepare(tmp_path)
    assert _left_over(tmp_path) == []


@pytest.mark.model
def test_a_truncated_gguf_is_refused_and_leaves_nothing(prepared: Prepared, tmp_path: Path) -> None:
    whole = prepared.source.read_bytes()
    for size in (5_000, 3_000_000, len(whole) - 1):
        file = _write(tmp_path / "cut.gguf", whole[:size])
        with pytest.raises(Invalid, match="not a complete GGUF"):
            prepare(tmp_path / "home", str(file))
        assert _left_over(tmp_path / "home") == []


@pytest.mark.model
def test_a_second_preparation_takes_no_time_and_changes_nothing(prepared: Prepared) -> None:
    home = prepared.root.parents[1]
    before = (prepared.root / "manifest.json").stat().st_mtime_ns
    began = time.monotonic()
    assert prepare(home) == prepared
    assert time.monotonic() - began < 0.05
    assert (prepared.root / "manifest.json").stat().st_mtime_ns == before


@pytest.mark.model
def test_b42_a_file_lost_from_a_prepared_model_is_made_again(
    prepared: Prepared, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(prepared.root.parent, home / "models")
    copy = prepare(home)
    (copy.serving / "openvino_model.bin").unlink()
    (home / "models" / ".making-left-by-a-kill").mkdir()
    seen: list[float] = []
    assert prepare(home, progress=lambda _, fraction: seen.append(fraction)) == copy
    assert verify(copy.root) == []
    assert seen == sorted(seen)
    assert _left_over(home) == []


@pytest.mark.model
def test_a62_one_flipped_bit_is_found(prepared: Prepared, tmp_path: Path) -> None:
    folder = tmp_path / "serving"
    shutil.copytree(prepared.serving, folder)
    assert verify(folder) == []
    with (folder / "openvino_model.bin").open("r+b") as stream:
        stream.seek(1_000_000)
        byte = stream.read(1)[0]
        stream.seek(1_000_000)
        stream.write(bytes([byte ^ 4]))
    assert verify(folder) == ["openvino_model.bin"]


@pytest.mark.model
def test_serving_and_embedding_import_no_torch(prepared: Prepared) -> None:
    code = (
        "import sys, json; from pathlib import Path;"
        "from server.llm.engine import Engine; from server.llm.models import prepare;"
        "from server.llm.chat_model import EngineChatModel; from server.retrieval.embed import"
        " Embedder; p = prepare(Path(sys.argv[1])); e = Engine(p.serving);"
        "e.generate('Hello').text(); Embedder(p.embedding).embed_query('Hello'); e.close();"
        "print(json.dumps(sorted({'torch', 'transformers', 'peft', 'gguf'} & set(sys.modules))))"
    )
    home = str(prepared.root.parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code, home], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def _left_over(home: Path) -> list[str]:
    folder = home / "models"
    return (
        [path.name for path in folder.iterdir() if path.is_dir() and path.name[0] == "."]
        if (folder.exists())
        else []
    )
