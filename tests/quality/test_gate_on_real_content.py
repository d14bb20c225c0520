"""The gate on the Debian FAQ with half of its answers taken out, with the real embedder."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.answering.evidence import find_evidence
from server.answering.fitting import gate_of
from server.answering.gate import REFUSE
from tests.loop.story import QUESTIONS
from tests.quality.content import opened
from tests.quality.corpora import FOLDERS, VARIANTS, variant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.skipif(
        not FOLDERS["debian"][0].is_dir(), reason="the Debian FAQ is missing: make faq"
    ),
]


def test_questions_whose_section_is_gone_are_refused_and_the_others_answered(
    tmp_path: Path,
) -> None:
    made = variant("debian", "rejection")
    with opened(tmp_path, made, fitted=True) as content:
        gate = gate_of(content.store, content.assistant.id)
        report = content.store.gates.latest(content.assistant.id)
        refused: dict[bool, list[bool]] = {True: [], False: []}
        for asked in made.questions:
            found = find_evidence(
                content.retriever, content.assistant.id, asked.question, frame=gate.frame
            )
            refused[bool(asked.urls)].append(gate.judge(found.signals)[1] == REFUSE)
    assert report is not None and report.report["plain"] >= 50
    # Seen when written: 0 of 58 and 52 of 58.
    assert sum(refused[True]) <= 0.05 * len(refused[True])
    assert sum(refused[False]) >= 0.85 * len(refused[False])


def test_visitors_own_short_questions_are_mostly_answered(tmp_path: Path) -> None:
    with opened(tmp_path, variant("debian", "two-sections"), fitted=True) as content:
        gate = gate_of(content.store, content.assistant.id)
        refused = [
            question
            for question, _ in QUESTIONS
            if gate.judge(
                find_evidence(
                    content.retriever, content.assistant.id, question, frame=gate.frame
                ).signals
            )[1]
            == REFUSE
        ]
    assert len(refused) <= 2, refused


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_asks_of_a_site_that_it_writes(name: str, tmp_path: Path) -> None:
    made = variant("debian", name)
    made.write(tmp_path / "site")
    made.write_questions(tmp_path / "set.jsonl", "http://site.test", most=20)
    assert (tmp_path / "site" / "index.html").is_file()
    assert 5 <= len((tmp_path / "set.jsonl").read_text().splitlines()) <= 20
    pages = {p.name for p in (tmp_path / "site").iterdir()}
    assert {url.split("#")[0] for q in made.questions for url in q.urls} <= pages


def test_gone_sections_stand_nowhere_on_the_site(tmp_path: Path) -> None:
    made = variant("debian", "rejection")
    headings = {s.heading for s in made.sections}
    assert not any(q.question in headings for q in made.questions if not q.urls)
    hidden = {s.heading for s in variant("debian", "hidden-headings").sections}
    assert not any(q.question in hidden for q in made.questions)
