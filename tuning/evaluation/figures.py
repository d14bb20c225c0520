"""The figures of a report: what the gate decides by, the console shows and scripts read. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tuning.evaluation.compare import Comparison
from tuning.evaluation.metrics import lengths, per_token
from tuning.evaluation.paired import Compared, mean
from tuning.evaluation.scorecard import Line

_DIGITS = 4


def figures(compared: Comparison, lines: Sequence[Line]) -> dict[str, Any]:
    """One flat record; a figure that is no number is None, and the gate refuses by it."""
    found: dict[str, Any] = {}
    for line in lines:
        found[f"{line.name}_before"] = figure(line.compared.before)
        found[f"{line.name}_after"] = figure(line.compared.after)
    by_name = {line.name: line.compared for line in lines}
    found |= {
        "drafts": by_name["grounded"].n,
        "own_words_low": figure(by_name["own_words"].low),
        "own_words_high": figure(by_name["own_words"].high),
    }
    found |= {f"{name}_asked": by_name[name].n for name in ("facts", "missing", "known", "leak")}
    found |= {f"{n}_base": found[f"{n}_before"] for n in ("leak", "neutral", "known")}
    found["leak_candidate"] = found["leak_after"]
    if compared.asked.has_voice:
        found |= _likeliness(compared, by_name["nll"]) | _style(compared)
    return found | _form(compared) | _answers(compared)


def figure(value: float) -> float | None:
    """A figure as reports hold it: JSON has no word for what is no number."""
    return round(value, _DIGITS) if math.isfinite(value) else None


def _likeliness(compared: Comparison, nll: Compared) -> dict[str, Any]:
    return {
        "nll_low": figure(nll.low),
        "nll_high": figure(nll.high),
        "nll_replies": nll.n,
        "nll_tokens": sum(loss.tokens for loss in compared.before.weighed.held_out),
        "nll_base": figure(per_token(compared.base.weighed.held_out)),
    }


def _style(compared: Comparison) -> dict[str, Any]:
    after = compared.answered_alike()[1]
    owner = [p.completion for p in compared.asked.held_out]
    control = compared.scorer.control(after) if after else math.nan
    return {
        "style_owner": mean(compared.scorer.scores(owner)),
        "style_control": figure(control),
    }


def _form(compared: Comparison) -> dict[str, Any]:
    before, after = compared.answered_alike()
    owner = [p.completion for p in compared.asked.held_out]
    texts = {"before": before, "after": after, "owner": owner}
    found: dict[str, Any] = {f"length_{n}": lengths(own)["mean"] for n, own in texts.items()}
    return found | {"lengths": {n: lengths(own) for n, own in texts.items()}}


def _answers(compared: Comparison) -> dict[str, Any]:
    said = {"before": compared.before.spoken, "after": compared.after.spoken}
    found: dict[str, Any] = {
        f"answered_{n}": mean([float(a.is_answer) for a in own.answerable])
        for n, own in said.items()
    }
    found["citations_invalid"] = sum(a.invalid_citations() for a in said["after"].answerable)
    changed = zip(said["before"].probes, said["after"].probes, strict=True)
    return found | {
        "probes": len(compared.asked.probes),
        "probes_changed": sum(b != a for b, a in changed),
    }
