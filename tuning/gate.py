"""The gate: by which rules a candidate is refused, each in words. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NEEDED = (
    "nll_before", "nll_after", "nll_low", "nll_high", "style_before", "style_after",
    "facts_before", "facts_after", "facts_asked", "invented_before", "invented_after",
    "length_before", "length_after", "length_owner", "probes_changed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gate:
    """The margins. `facts_margin`: right answers that may be lost, as a share of those asked.

    `invented_margin`: drafts with an invented number that may come on top, as a share.
    `length_band`: mean words of a reply, as a multiple of the owner's.
    """

    facts_margin: float = 0.05
    invented_margin: float = 0.05
    length_band: tuple[float, float] = (0.5, 1.8)
    style_gain: float = 0.02

    def failures(self, metrics: Mapping[str, Any]) -> list[str]:
        """The reasons to refuse; none means that the candidate may be promoted."""
        if missing := [name for name in _NEEDED if not _is_number(metrics.get(name))]:
            return [f"the report has no usable figure for {', '.join(missing)}"]
        m = {name: float(metrics[name]) for name in _NEEDED}
        found = [*self._voice(m), *self._truth(m), *self._form(m)]
        if m["probes_changed"] == 0:
            found.append("it answers the probe questions exactly as the base does: no effect")
        return found

    def _voice(self, m: Mapping[str, float]) -> list[str]:
        found = []
        if m["nll_high"] >= 0:
            found.append(
                f"the owner's held-out replies did not become surely more likely "
                f"({m['nll_before']:.3f} before, {m['nll_after']:.3f} after, "
                f"change up to {m['nll_high']:+.3f})"
            )
        if m["style_after"] < m["style_before"] + self.style_gain:
            found.append(
                f"its answers are not closer to the owner's voice "
                f"({m['style_before']:.2f} before, {m['style_after']:.2f} after)"
            )
        return found

    def _truth(self, m: Mapping[str, float]) -> list[str]:
        found = []
        # One question may always go either way: with few of them a share would be too strict.
        allowed = max(self.facts_margin, 1 / max(m["facts_asked"], 1)) + 1e-9
        if m["facts_after"] < m["facts_before"] - allowed:
            found.append(
                f"it gets fewer facts right ({m['facts_before']:.0%} before, "
                f"{m['facts_after']:.0%} after)"
            )
        if m["invented_after"] > m["invented_before"] + self.invented_margin + 1e-9:
            found.append(
                f"it invents more numbers ({m['invented_before']:.0%} of drafts before, "
                f"{m['invented_after']:.0%} after)"
            )
        return found

    def _form(self, m: Mapping[str, float]) -> list[str]:
        if m["length_owner"] <= 0:
            return []
        share = m["length_after"] / m["length_owner"]
        low, high = self.length_band
        if low <= share <= high:
            return []
        return [
            f"its answers are too {'short' if share < low else 'long'} "
            f"({m['length_after']:.0f} words, the owner writes {m['length_owner']:.0f})"
        ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
