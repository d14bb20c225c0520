"""Twenty dialogues with the assistant that knows the manual, in the words visitors use.

Each turn says what has to come of it: the heading of the section that must be cited first, or one
of the marks below. Written by hand; some are known to be hard, and stay.
"""

from __future__ import annotations

from dataclasses import dataclass

REFUSED, COURTESY, META, NOTHING = "(refused)", "(courtesy)", "(meta)", "(nothing yet)"
SHORTER, MORE, AGAIN, LIST = "(shorter)", "(more)", "(again)", "(list)"
MARKS = (REFUSED, COURTESY, META, NOTHING, SHORTER, MORE, AGAIN, LIST)


@dataclass(frozen=True, slots=True)
class Line:
    """A visitor's turn; `expected`: a heading, or one of the marks."""

    question: str
    expected: str

    @property
    def kind(self) -> str:
        return self.expected if self.expected in MARKS else "section"


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation and what it is there to show."""

    name: str
    lines: tuple[Line, ...]


def _dialogue(name: str, *lines: tuple[str, str]) -> Dialogue:
    return Dialogue(name, tuple(Line(*line) for line in lines))


DIALOGUES = (
    _dialogue(
        "Backup, then its way back",
        ("How do I make a backup?", "How do I make a backup?"),
        ("And how do I restore it?", "How do I restore a backup?"),
        ("in short", SHORTER),
        ("thanks!", COURTESY),
    ),
    _dialogue(
        "Docker, no, systemd",
        ("Hi, can I run this with Docker?", "How do I run Parlance with Docker?"),
        ("No, I meant systemd", "How do I run Parlance with systemd?"),
        ("and what about nginx?", "How do I put nginx in front?"),
        ("more details please", MORE),
    ),
    _dialogue(
        "An installer gets to know the widget",
        ("How do I put the widget on my site?", "How do I put the widget on my site?"),
        ("Which attributes does it take?", "Which attributes does the script tag take?"),
        ("Does it set cookies?", "Does the widget set cookies?"),
        (
            "Can it be used with a screen reader?",
            "Can visitors use the widget with the keyboard or a screen reader?",
        ),
        ("How can I change its colour?", "How do I change the look of the widget?"),
    ),
    _dialogue(
        "A reviewer's first day",
        ("hello", COURTESY),
        ("What does a reviewer do?", "What does a reviewer do?"),
        ("Which verdicts are there?", "Which verdicts are there?"),
        ("Can they be changed later?", "Can a verdict be changed?"),
        ("and the keys?", "Which keys does the review page have?"),
    ),
    _dialogue(
        "Nothing to go back to",
        ("say that again", NOTHING),
        ("in short please", NOTHING),
        ("What is the gate?", "What is the gate?"),
        ("As a list", LIST),
    ),
    _dialogue(
        "Who is speaking",
        ("Are you a bot?", META),
        ("Can I talk to a real person?", META),
        ("What can you do?", META),
        ("ok, then: how much does Parlance cost?", "What does Parlance cost?"),
    ),
    _dialogue(
        "Off the subject and back",
        ("How do I add a website?", "How do I add a website?"),
        ("What is the best pizza in Naples?", REFUSED),
        ("How many pages does a crawl read?", "How many pages does a crawl read?"),
        ("And does it obey robots.txt?", "Does the crawler obey robots.txt?"),
    ),
    _dialogue(
        "A voice, promoted and undone",
        ("How do I promote a voice?", "How do I promote a voice?"),
        ("And if it is worse, how do I roll it back?", "How do I roll back a voice?"),
        ("Can I take it to another program?", "How do I take a voice to another program?"),
        ("say it again", AGAIN),
        ("great, thank you", COURTESY),
    ),
    _dialogue(
        "Files of all kinds",
        ("Which files can Parlance read?", "Which files can Parlance read?"),
        ("What about Word?", "Can Parlance read Word or other Office files?"),
        ("And websites?", "How do I add a website?"),
        ("how do I remove one?", "How do I remove content?"),
    ),
    _dialogue(
        "What is kept about me",
        ("What is stored about a conversation?", "What is stored about a conversation?"),
        ("Who can read it?", "Who can read a conversation?"),
        ("For how long?", "How long are conversations kept?"),
        ("Is any of it sent to third parties?", "Is data sent to third parties?"),
        ("Shorter please", SHORTER),
    ),
    _dialogue(
        "A change of subject",
        ("How do I invite somebody?", "How do I invite somebody?"),
        ("What may they do?", "What may owners, reviewers and viewers do?"),
        ("Which model answers?", "Which model answers?"),
        ("Can I use a different one?", "How do I use another model?"),
    ),
    _dialogue(
        "Locked out",
        (
            "I forgot my password. How do I get in again?",
            "I forgot my password. How do I get in again?",
        ),
        ("What happens after too many wrong ones?", "What happens after too many wrong passwords?"),
        ("And on a device that I lost?", "How do I sign out on a device that I lost?"),
    ),
    _dialogue(
        "Put right, twice",
        ("How do I export the verdicts?", "How do I import or export verdicts?"),
        ("not verdicts, conversations", "How do I export the conversations?"),
        (
            "sorry, I meant how do I import replies of my own",
            "How do I import replies that I wrote myself?",
        ),
        ("how many do I need?", "How many replies do I need before a run?"),
    ),
    _dialogue(
        "More, and more again",
        ("What is the gate?", "What is the gate?"),
        ("tell me more", MORE),
        ("what else?", MORE),
        ("in one sentence", SHORTER),
    ),
    _dialogue(
        "A German visitor",
        ("Hallo", COURTESY),
        ("Wie viel kostet der Versand nach Norwegen?", REFUSED),
        ("Danke!", COURTESY),
    ),
    _dialogue(
        "In the visitor's own words",
        ("my bill is due, what do you charge for this?", "What does Parlance cost?"),
        (
            "is my customers' data safe or does it leave my server?",
            "Is data sent to third parties?",
        ),
        ("and where is it kept?", "Where does Parlance keep its data?"),
        ("Can I move it?", "How do I move the data to another folder?"),
    ),
    _dialogue(
        "One word at a time",
        ("backup", "How do I make a backup?"),
        ("restore", "How do I restore a backup?"),
        ("cookies", "Does the widget set cookies?"),
        ("PostgreSQL?", "How do I use PostgreSQL?"),
    ),
    _dialogue(
        "Why and how",
        (
            "Why are facts never taught by training?",
            "Why are facts never taught by training?",
        ),
        ("Then how does tuning change the voice?", "How does tuning change the voice?"),
        ("How do I start it?", "How do I start a tuning run?"),
        (
            "What happens when the server is stopped meanwhile?",
            "What happens when the server is stopped during a run?",
        ),
        ("are you sure?", AGAIN),
    ),
    _dialogue(
        "Two steps back",
        ("How do I start Parlance?", "How do I start Parlance?"),
        ("How do I stop it?", "How do I stop Parlance?"),
        ("And update it?", "How do I update Parlance?"),
        ("What does it need on a server?", "What does Parlance need on a server?"),
        ("Does it run on Windows?", "Does Parlance run on Windows or macOS?"),
    ),
    _dialogue(
        "What the answers say of themselves",
        ("What do the labels mean?", "What do the labels of an answer mean?"),
        ("And citations?", "What are citations?"),
        (
            "What if the assistant does not know something?",
            "What happens when the assistant does not know the answer?",
        ),
        ("Can it still be wrong?", "Can an answer still be wrong?"),
        ("bye", COURTESY),
    ),
)  # fmt: skip
