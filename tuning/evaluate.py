"""Evaluation: `python -m tuning.evaluate JOB` measures a merged candidate against the base.

Both are judged on what is served: loss by the serving weights, answers by the serving engine and
the whole pipeline of a turn. Writes `report.json` into the job folder, last of all.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from server import config
from server.answering.answer import persona_of
from server.answering.evidence import find_evidence
from server.answering.grounding import voice_words
from server.llm.adapters import probe, reply_params, room_of
from server.llm.chat_model import EngineChatModel
from server.llm.engine import Engine
from server.llm.models import Prepared, prepare
from server.llm.tokenizer import ChatTokenizer
from server.llm.voice import Voice
from server.prompt import build_messages
from server.retrieval.embed import Embedder
from server.retrieval.hybrid import Retriever
from server.retrieval.vectors import ExactIndex
from server.store import Store, open_store
from server.store.assistants import Assistant
from server.store.pairs import Pair
from tuning.answers import Answered, ask_all, is_right
from tuning.child import begin, guarded, peak_mb, read_json, tell, write_json
from tuning.config import TuningConfig
from tuning.loss import losses
from tuning.metrics import StyleScorer, lengths, loss_change
from tuning.places import REPORT
from tuning.questions import FactQuestion, fact_questions
from tuning.rows import encode
from tuning.split import HELD_OUT, TRAIN

_STYLE_QUESTIONS = 32
_HELD_OUT_QUESTIONS = 24
_FACT_QUESTIONS = 20
_PROBES = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """All that is asked of both models; `manner` are the owner's words that need no evidence."""

    style: list[Pair]
    held_out: list[Pair]
    facts: list[FactQuestion]
    probes: list[list[dict[str, str]]]
    manner: frozenset[str]


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one model said."""

    held_out: list[Answered]
    facts: list[Answered]
    probes: list[str]
    style: list[Answered]


class Evaluation:
    """One candidate against its base."""

    def __init__(self, folder: Path, settings: config.Settings, store: Store) -> None:
        job = read_json(folder / "job.json")
        self._folder = folder
        self._settings = settings
        self._config = TuningConfig.from_dict(job["config"])
        self._candidate = Path(job["candidate"])
        self._prepared: Prepared = prepare(settings.home, settings.model)
        self._assistant: Assistant = store.assistants.by_id(job["assistant"])
        self._pairs = store.pairs.of_run(job["run"])
        self._passages = store.knowledge.passages(assistant_id=self._assistant.id)
        embedder = Embedder(self._prepared.embedding, threads=settings.tune_threads)
        self._retriever = Retriever(store, embedder, ExactIndex(store))
        self._done = 0

    def run(self) -> dict[str, Any]:
        """Measure everything and return the report."""
        began = time.monotonic()
        asked = self._asked()
        loss = self._losses(asked.held_out)
        base = self._speak(self._prepared.serving, asked, manner=frozenset(), with_style=True)
        candidate = self._speak(self._candidate, asked, manner=asked.manner, with_style=False)
        metrics = loss | _style(asked, base, candidate, self._config.seed)
        metrics |= _truth(asked, base, candidate) | _form(asked, base, candidate)
        metrics["evaluate_seconds"] = round(time.monotonic() - began, 1)
        metrics["evaluate_peak_mb"] = peak_mb()
        return {
            "metrics": metrics,
            "probes": {
                "prompts": asked.probes,
                "base": base.probes,
                "candidate": candidate.probes,
            },
            "samples": _samples(asked, base, candidate),
            "voice_words": sorted(asked.manner),
        }

    def _asked(self) -> Asked:
        held = [p for p in self._pairs if p.split == HELD_OUT]
        train = [p for p in self._pairs if p.split == TRAIN]
        facts = fact_questions(
            self._passages,
            avoid=[p.question for p in train],
            count=_FACT_QUESTIONS,
            seed=self._config.seed,
        )
        fixed = [p.question for p in held] + [f.question for f in facts]
        return Asked(
            style=train[:: max(1, len(train) // _STYLE_QUESTIONS)][:_STYLE_QUESTIONS],
            held_out=held,
            facts=facts,
            probes=[self._prompt(question) for question in fixed[:_PROBES]],
            manner=voice_words(
                [p.completion for p in train], [[p.prompt[-1]["content"]] for p in train]
            ),
        )

    def _prompt(self, question: str) -> list[dict[str, str]]:
        found = find_evidence(self._retriever, self._assistant.id, question)
        messages = build_messages(persona_of(self._assistant), question, found.facts)
        return [{"role": m["role"], "content": m["content"]} for m in messages]

    def _losses(self, held: Sequence[Pair]) -> dict[str, Any]:
        self._tell("loss on held-out replies", 0)
        engine_files = (self._prepared.serving, self._candidate)
        tokenizer = ChatTokenizer(self._prepared.serving)
        rows = [encode(tokenizer, p.prompt, p.completion) for p in held]
        threads = self._settings.tune_threads
        before, after = (losses(folder, rows, threads=threads) for folder in engine_files)
        change = loss_change(before, after, seed=self._config.seed)
        return {
            "nll_before": round(change.before, 4),
            "nll_after": round(change.after, 4),
            "nll_low": round(change.low, 4),
            "nll_high": round(change.high, 4),
            "nll_replies": len(held),
            "nll_tokens": sum(loss.tokens for loss in before),
        }

    def _speak(
        self, model_dir: Path, asked: Asked, *, manner: frozenset[str], with_style: bool
    ) -> Spoken:
        engine = Engine(model_dir, threads=self._settings.tune_threads)
        try:
            params = reply_params(self._settings.max_tokens)
            model = EngineChatModel(engine=engine, params=params)
            voice = Voice(model, None, manner, room_of(engine, params))
            held = [p.question for p in asked.held_out[:_HELD_OUT_QUESTIONS]]
            return Spoken(
                held_out=self._ask("held-out questions", held, voice),
                facts=self._ask("factual questions", [f.question for f in asked.facts], voice),
                style=self._ask("training questions", [p.question for p in asked.style], voice)
                if with_style
                else [],
                probes=probe(engine, asked.probes),
            )
        finally:
            engine.close()

    def _ask(self, note: str, questions: Sequence[str], voice: Voice) -> list[Answered]:
        self._tell(note, len(questions))
        return ask_all(self._assistant, questions, retriever=self._retriever, voice=voice)

    def _tell(self, note: str, questions: int) -> None:
        total = 2 * (_HELD_OUT_QUESTIONS + _FACT_QUESTIONS) + _STYLE_QUESTIONS
        tell(self._folder, done=min(self._done, total), total=total, note=note)
        self._done += questions


def _style(asked: Asked, base: Spoken, candidate: Spoken, seed: int) -> dict[str, Any]:
    owner = [p.completion for p in asked.style]
    scorer = StyleScorer(owner, [a.text for a in base.style], seed=seed)
    after = [a.text for a in candidate.held_out]
    return {
        "style_before": round(scorer.score([a.text for a in base.held_out]), 4),
        "style_after": round(scorer.score(after), 4),
        "style_owner": round(scorer.score([p.completion for p in asked.held_out]), 4),
        "style_control": round(scorer.control(after), 4),
    }


def _truth(asked: Asked, base: Spoken, candidate: Spoken) -> dict[str, Any]:
    found: dict[str, Any] = {"facts_asked": len(asked.facts)}
    for name, spoken, manner in (
        ("before", base, frozenset[str]()),
        ("after", candidate, asked.manner),
    ):
        right = [
            is_right(q, a, manner=manner) for q, a in zip(asked.facts, spoken.facts, strict=True)
        ]
        answers = [a for a in [*spoken.held_out, *spoken.facts] if a.is_answer]
        found[f"facts_{name}"] = _share(right)
        found[f"invented_{name}"] = _share([a.invents for a in answers])
        found[f"own_words_{name}"] = _share([a.outcome.reply.own_words for a in answers])
        found[f"answered_{name}"] = _share([a.is_answer for a in [*spoken.held_out, *spoken.facts]])
    return found


def _form(asked: Asked, base: Spoken, candidate: Spoken) -> dict[str, Any]:
    texts = {
        "before": [a.text for a in base.held_out if a.is_answer],
        "after": [a.text for a in candidate.held_out if a.is_answer],
        "owner": [p.completion for p in asked.held_out],
    }
    found: dict[str, Any] = {f"length_{n}": lengths(own)["mean"] for n, own in texts.items()}
    found["lengths"] = {n: lengths(own) for n, own in texts.items()}
    changed = sum(a != b for a, b in zip(base.probes, candidate.probes, strict=True))
    return found | {"probes": len(base.probes), "probes_changed": changed}


def _samples(asked: Asked, base: Spoken, candidate: Spoken) -> list[dict[str, str]]:
    rows = zip(asked.held_out, base.held_out, candidate.held_out, strict=False)
    return [
        {"question": p.question, "owner": p.completion, "before": b.text, "after": a.text}
        for p, b, a in rows
    ]


def _share(flags: Sequence[bool]) -> float:
    return round(fmean(flags), 4) if flags else 0.0


def main(arguments: Sequence[str]) -> int:
    """Evaluate a job folder; a finished one is left as it is."""
    logging.basicConfig(level=logging.WARNING)
    folder = Path(begin(arguments)[0])
    if (folder / REPORT).is_file():
        return 0

    def work() -> None:
        settings = config.load()
        store = open_store(settings.database)
        write_json(folder / REPORT, Evaluation(folder, settings, store).run())

    return guarded(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
