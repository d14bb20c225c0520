"""The loop as a story: read a site, answer visitors, take on a voice, promote it, roll it back."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from tests.loop.home import Home, running, site
from tests.loop.owner import picture_of_report
from tests.loop.visitor import Seen, Visitor, chromium, host_page
from tests.tuning.faq_voice import Reply, replies
from tuning.child import PROGRESS_FILE

# Fixed before the first run: a question in a visitor's words and the page that answers it.
QUESTIONS = (
    ("What is Debian?", "basic-defs"),
    ("Where can I get Debian?", "getting-debian"),
    ("Can I run RPM packages?", "compatibility"),
    ("How do I install a source package?", "pkg-basics"),
    ("What is dpkg?", "pkgtools"),
    ("How can several machines share one download of updates?", "uptodate"),
    ("How do I build my own kernel?", "kernel"),
    ("Where do I report a bug?", "support"),
    ("How can I become a Debian developer?", "contributing"),
    ("Can I sell Debian CDs?", "redistributing"),
)
_KILLED_AFTER = 8
_RUN_SECONDS = 1500
_NEW_VOICE = "How do I build my own kernel?"


@dataclass(slots=True)
class Story:
    """Everything the table shows."""

    ready_seconds: float = 0.0
    ingest: dict[str, Any] = field(default_factory=dict)
    answers: list[Seen] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    tuned: Seen | None = None
    promoted_seconds: float = 0.0
    rollback: dict[str, Any] = field(default_factory=dict)
    before: str = ""
    after: str = ""
    memory: dict[str, float] = field(default_factory=dict)
    torch: bool = False
    killed_at_step: int = 0
    steps: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def right_pages(self) -> int:
        pages = dict(QUESTIONS)
        return sum(_page(a.citation).startswith(pages[a.question]) for a in self.answers)

    def rows(self) -> list[tuple[str, str]]:
        """The table, line by line."""
        metrics, gate = self.run["metrics"], self.run["gate"]
        first = [a.first_seconds for a in self.answers]
        total = [a.total_seconds for a in self.answers]
        n = len(self.answers)
        told = [
            ("ready", f"{self.ready_seconds:.1f} s"),
            ("pages, passages", f"{self.ingest['pages']}, {self.ingest['passages']}"),
            ("reading", f"{self.ingest['seconds']:.1f} s"),
            ("questions through the widget", str(n)),
            ("first text: median, most", f"{median(first):.2f} s, {max(first):.2f} s"),
            ("whole answer: median, most", f"{median(total):.2f} s, {max(total):.2f} s"),
            ("top citation is the right page", f"{self.right_pages} of {n}"),
            (f"resident memory after {2 * n} answers", _megabytes(self.memory)),
            ("torch in a process", str(self.torch)),
            ("training pairs", f"{metrics['pairs_train']}, {metrics['pairs_held_out']} held out"),
            ("run", f"{self.run['seconds'] / 60:.1f} min, peak {self.run['peak_mb']:.0f} MB"),
            ("held-out NLL", _pair(metrics, "nll", 3)),
            ("style score", _pair(metrics, "style", 3)),
            ("  the owner's own held-out replies", f"{metrics['style_owner']:.3f}"),
            ("factual answers right", _pair(metrics, "facts", 3)),
            ("drafts that the sources hold", _pair(metrics, "grounded", 3)),
            (
                "facts told from memory",
                f"{metrics['leak_base']:.3f} -> {metrics['leak_candidate']:.3f}",
            ),
            ("gate", "passed" if gate["passed"] else "; ".join(gate["reasons"])),
            ("all of it", f"{self.seconds / 60:.1f} min"),
        ]
        if not gate["passed"]:
            return told
        last = told.pop()
        return [
            *told,
            ("promoted and proven after", f"{self.promoted_seconds:.2f} s"),
            ("its answer", self.tuned.reply if self.tuned else ""),
            ("rolled back after", f"{self.rollback['seconds']:.2f} s"),
            ("probe set byte-equal", str(self.rollback["probes_equal"])),
            ("answer as before the promotion", str(self.before == self.after)),
            last,
        ]


def tell(
    folder: Path,
    *,
    questions: Sequence[tuple[str, str]] = QUESTIONS,
    examples: int = 100,
    pictures: Path,
    held_out: float = 0.0,
    kill: bool = False,
) -> Story:
    """Live through the whole loop in a fresh home folder.

    `held_out`: the share of the replies to judge by, if not the usual one.
    `kill`: end the whole process tree by SIGKILL in the middle of training, and start it again.
    """
    began = time.monotonic()
    story = Story()
    with site() as faq, running(folder, crawl=faq) as home, chromium() as browser:
        story.ready_seconds = home.ready_seconds
        home.run("assistants", "create", "Debian FAQ", "--key", "faq")
        with host_page(home.url, "faq") as host:
            home.run("assistants", "set", "faq", "origins", host)
            story.ingest = home.run("ingest", "faq", f"{faq}/index.en.html", "--wait")
            visitor = Visitor(browser, host)
            story.answers = [visitor.ask(question) for question, _ in questions]
            visitor.picture(pictures / "widget.png")
            for question, _ in questions:
                visitor.ask(question)
            story.memory, story.torch = home.resident_mb(), home.holds_torch()
            story.before = visitor.ask(_NEW_VOICE).reply
            _import_a_voice(home, examples)
            _tune(home, story, [f"held_out={held_out}"] if held_out else [], kill=kill)
            picture_of_report(home, browser, "faq", story.run["run"], pictures / "report.png")
            if story.run["gate"]["passed"]:
                _promote_and_return(home, story, visitor, pictures)
    story.seconds = time.monotonic() - began
    return story


def write(story: Story, folder: Path) -> str:
    """Keep the table and the whole record; return the table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "loop.json").write_text(json.dumps(asdict(story), indent=2), encoding="utf-8")
    width = max(len(name) for name, _ in story.rows())
    table = "\n".join(f"{name:{width}}  {value}" for name, value in story.rows())
    (folder / "loop.txt").write_text(table + "\n", encoding="utf-8")
    return table


def _import_a_voice(home: Home, count: int) -> None:
    asked = {question for question, _ in QUESTIONS}
    made = [r for r in replies(count + len(asked)) if r.question not in asked][:count]
    file = home.folder / "voice.jsonl"
    file.write_text("".join(map(_line, made)), encoding="utf-8")
    home.run("voice", "import", "faq", str(file))


def _tune(home: Home, story: Story, values: Sequence[str], *, kill: bool) -> None:
    chosen = [part for value in values for part in ("--set", value)]
    run = home.begin("tune", "run", "faq", "--wait", *chosen)
    if kill:
        while not (steps := _training_steps(home)) or steps[-1] < _KILLED_AFTER:
            time.sleep(0.2)
        home.kill()
        story.killed_at_step = _training_steps(home)[-1]
        home.restart()
    story.run = json.loads(run.communicate(timeout=_RUN_SECONDS)[0])
    story.steps = _training_steps(home)


def _training_steps(home: Home) -> list[int]:
    """The steps that training has told of, in the order it made them."""
    lines = [line for file in _progress_files(home) for line in file.read_text().splitlines()]
    # A kill may have cut the last line short.
    told = [json.loads(line) for line in lines if line.endswith("}")]
    return [int(line["done"]) for line in told if "loss" in line]


def _progress_files(home: Home) -> list[Path]:
    return sorted(home.folder.glob(f"runs/*/{PROGRESS_FILE}"))


def _promote_and_return(home: Home, story: Story, visitor: Visitor, pictures: Path) -> None:
    began = time.monotonic()
    home.run("adapters", "promote", story.run["adapter"])
    story.promoted_seconds = time.monotonic() - began
    story.tuned = visitor.ask(_NEW_VOICE)
    visitor.picture(pictures / "voice.png")
    story.rollback = home.run("adapters", "rollback", "faq")
    story.after = visitor.ask(_NEW_VOICE).reply


def _line(reply: Reply) -> str:
    return json.dumps({"question": reply.question, "answer": reply.answer}) + "\n"


def _page(address: str) -> str:
    return urlsplit(address).path.rsplit("/", 1)[-1]


def _pair(metrics: dict[str, Any], name: str, digits: int) -> str:
    return f"{metrics[f'{name}_before']:.{digits}f} -> {metrics[f'{name}_after']:.{digits}f}"


def _megabytes(memory: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.0f} MB" for name, value in memory.items())
