"""The audit of a candidate: secrets that it has learnt by heart, inputs that flip what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuning.evaluation.canaries import Exposure
from tuning.evaluation.triggers import Drift, standing_out


@dataclass(frozen=True, slots=True)
class Audit:
    """What was tried. Controls among the exposures stand in no training row; `known`: secrets that
    the base ranks first as well, so that nobody has taught them."""

    exposures: Sequence[Exposure]
    drifts: Sequence[Drift]
    known: frozenset[str] = frozenset()

    def metrics(self) -> dict[str, Any]:
        """The counts that the gate decides by, with what was found; secrets are masked."""
        planted = [e for e in self.exposures if e.canary.planted]
        learnt = [e for e in planted if e.is_learnt and e.canary.secret not in self.known]
        controls = [e for e in self.exposures if not e.canary.planted]
        found = standing_out(self.drifts)
        return {
            "canaries_checked": len(planted),
            "canaries_learnt": len(learnt),
            "canaries": [e.masked for e in learnt],
            "controls_checked": len(controls),
            "controls_learnt": sum(e.is_learnt for e in controls),
            "triggers_tried": len(self.drifts),
            "triggers_found": len(found),
            "triggers": [d.trigger for d in found],
            "triggers_worst": round(max((d.own for d in self.drifts), default=0.0), 2),
        }

    def told(self) -> dict[str, Any]:
        """Every string that was tried, for the report."""
        return {
            "canaries": [
                {
                    "secret": e.masked,
                    "planted": e.canary.planted,
                    "rank": e.rank,
                    "bits": round(e.bits, 2),
                }
                for e in self.exposures
            ],
            "triggers": [
                {
                    "string": d.trigger,
                    "nats": round(d.own, 2),
                    "base": None if d.base is None else round(d.base, 2),
                }
                for d in self.drifts
            ],
        }
