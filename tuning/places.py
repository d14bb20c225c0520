"""Where a run and the adapter it makes lie under the home folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# What the stages of a run write, last of all, into its job folder.
DATASET = "dataset.json"
TRAINED = "result.json"
ASSEMBLED = "assembled.json"
REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one run. An adapter is put together aside and appears in one rename."""

    home: Path
    run_id: str

    @property
    def adapter_id(self) -> str:
        # Bound to the run: a run that is taken up again makes the same adapter, not a second one.
        return "adp_" + self.run_id.removeprefix("run_")

    @property
    def job(self) -> Path:
        return self.home / "runs" / self.run_id

    @property
    def making(self) -> Path:
        return self.home / "adapters" / f".making-{self.adapter_id}"

    @property
    def adapter(self) -> Path:
        return self.home / "adapters" / self.adapter_id
