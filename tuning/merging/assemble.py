"""Assembly: `python -m tuning.merging.assemble JOB` merges an adapter and builds what is served.

Fills the folder named "making" in the job: `adapter/` (PEFT), `model.gguf`, `ir/`; last of all it
writes `assembled.json` into the job folder.
"""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from server import config
from server.errors import Unavailable
from server.llm.models import build_ir, prepare
from tuning.child import begin, guarded, peak_mb, read_json, tell, write_json
from tuning.manifest import write_manifest
from tuning.merging.merge import merge
from tuning.places import ASSEMBLED

# The merged file and its IR, each about half again as large as the 4-bit original, and a draft.
_TIMES_BASE = 6


def assemble(folder: Path, settings: config.Settings) -> None:
    """Merge and convert; what a killed attempt left is made anew."""
    job = read_json(folder / "job.json")
    making = Path(job["making"])
    prepared = prepare(settings.home, settings.model)
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    _check_space(making, prepared.source.stat().st_size * _TIMES_BASE)
    shutil.copytree(folder / "adapter", making / "adapter")
    write_manifest(making / "adapter", job["manifest"])
    tell(folder, done=0, total=2, note="merging the adapter into the model")
    merged = merge(
        prepared.source,
        making / "adapter",
        making / "model.gguf",
        base_sha256=prepared.base_sha256,
    )
    tell(folder, done=1, total=2, note="building the serving model")
    build_ir(merged.path, making / "ir", tokenizer_from=prepared.serving)
    write_json(folder / ASSEMBLED, {"digest": merged.sha256, "peak_mb": peak_mb()})


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Unavailable(
            f"Merging wants {needed >> 20} MB of free disk, {folder.parent} has {free >> 20} MB.",
            hint="Free some space and start the run again.",
        )


def main(arguments: Sequence[str]) -> int:
    """Assemble a job's adapter; a finished one is left as it is."""
    logging.basicConfig(level=logging.WARNING)
    folder = Path(begin(arguments)[0])
    if (folder / ASSEMBLED).is_file():
        return 0
    return guarded(lambda: assemble(folder, config.load()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
