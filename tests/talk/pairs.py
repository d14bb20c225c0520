"""Follow-up pairs over the manual: what was asked before, what is asked now, where it is answered.

Written by hand before the rules were. `tuned` pairs were looked at while the rules were written;
of the `kept` ones only the totals were seen, and nothing was changed for them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """`heading`: of the section that answers `question`; `kind`: what makes the pair hard."""

    kind: str
    before: str
    question: str
    heading: str
    set: str = "tuned"


BACKUP, RESTORE = "How do I make a backup?", "How do I restore a backup?"
DOCKER, SYSTEMD = "How do I run Parlance with Docker?", "How do I run Parlance with systemd?"
WIDGET, LOOK = "How do I put the widget on my site?", "How do I change the look of the widget?"
PROMOTE, ROLL_BACK = "How do I promote a voice?", "How do I roll back a voice?"
WEBSITE, REMOVE = "How do I add a website?", "How do I remove content?"
ROBOTS, PAGES = "Does the crawler obey robots.txt?", "How many pages does a crawl read?"
FILES, OFFICE = "Which files can Parlance read?", "Can Parlance read Word or other Office files?"
GATE, REVIEWER = "What is the gate?", "What does a reviewer do?"
START, STOP = "How do I start Parlance?", "How do I stop Parlance?"
KEPT, WHERE = "How long are conversations kept?", "Where does Parlance keep its data?"
STORED, WHO = "What is stored about a conversation?", "Who can read a conversation?"
VERDICTS, FAULTS = "Which verdicts are there?", "Which faults can a reviewer name?"
CHANGED = "Can a verdict be changed?"
RUN, REPLIES = "How do I start a tuning run?", "How many replies do I need before a run?"
MODEL, OTHER = "Which model answers?", "How do I use another model?"
COOKIES, THIRD = "Does the widget set cookies?", "Is data sent to third parties?"
INVITE, ROLES = "How do I invite somebody?", "What may owners, reviewers and viewers do?"
SIGN_IN = "How do I sign in to the console?"
FORGOT = "I forgot my password. How do I get in again?"
POSTGRES, NGINX = "How do I use PostgreSQL?", "How do I put nginx in front?"
UPDATE = "How do I update content that has changed?"
MOVE = "How do I move the data to another folder?"
EXPORT = "How do I export the conversations?"
TAKE = "How do I take a voice to another program?"
LANGUAGES = "Which languages work?"
COST = "What does Parlance cost?"
PORT = "How do I change the port or the address?"
KEYBOARD = "Can visitors use the widget with the keyboard or a screen reader?"
ATTRIBUTES = "Which attributes does the script tag take?"
RELOAD = "What happens to a chat when the visitor reloads the page?"
CITATIONS = "What are citations?"
LABELS = "What do the labels of an answer mean?"
DEVICE = "How do I sign out on a device that I lost?"
AUDIT = "What is the audit trail?"
VOICE = "How does tuning change the voice?"
EVENTS = "Which events does an answer stream?"
DROPPED = "How do I go on after a dropped connection?"
CREATE = "How do I create my own assistant?"
ORIGINS = "Which sites may show my assistant?"
BUTTON = "How do I open the chat from my own button?"

_TUNED = {
    "pronoun": [
        (BACKUP, "And how do I restore it?", RESTORE),
        (PROMOTE, "How can I undo that?", ROLL_BACK),
        (WIDGET, "How do I change its look?", LOOK),
        (WIDGET, "Does it set cookies?", COOKIES),
        (WIDGET, "Which attributes does it take?", ATTRIBUTES),
        (STORED, "Who can read it?", WHO),
        (STORED, "How long is it kept?", KEPT),
        (VERDICTS, "Can they be changed later?", CHANGED),
        (START, "How do I stop it?", STOP),
        (ROBOTS, "How many pages does it read?", PAGES),
        (RUN, "How many replies do I need for that?", REPLIES),
        (WEBSITE, "How do I remove it?", REMOVE),
        (VOICE, "Can I take it to another program?", TAKE),
        (MODEL, "Can I use a different one?", OTHER),
        (INVITE, "What may they do?", ROLES),
        (WHERE, "Can I move it?", MOVE),
    ],
    "ellipsis": [
        (DOCKER, "And with systemd?", SYSTEMD),
        (DOCKER, "What about systemd?", SYSTEMD),
        (FILES, "What about Word?", OFFICE),
        (FILES, "And Office files?", OFFICE),
        (BACKUP, "And restoring?", RESTORE),
        (WEBSITE, "How many pages?", PAGES),
        (WEBSITE, "And robots.txt?", ROBOTS),
        (VERDICTS, "And the faults?", FAULTS),
        (PROMOTE, "And rolling back?", ROLL_BACK),
        (KEPT, "And who can read them?", WHO),
        (COOKIES, "What about third parties?", THIRD),
        (START, "And stopping?", STOP),
        (WIDGET, "With the keyboard?", KEYBOARD),
    ],
    "correction": [
        (DOCKER, "No, I meant systemd", SYSTEMD),
        (BACKUP, "Sorry, I meant restore a backup", RESTORE),
        (PROMOTE, "Not promote, roll back", ROLL_BACK),
        (START, "I meant stop", STOP),
        (VERDICTS, "No, the faults", FAULTS),
        (COOKIES, "not cookies, third parties", THIRD),
        (FILES, "No, I mean Office files", OFFICE),
        (INVITE, "I mean roles of owners and viewers, not invitations", ROLES),
    ],
    "shift": [
        (WIDGET, "How much does Parlance cost?", COST),
        (BACKUP, "Which languages work?", LANGUAGES),
        (DOCKER, "And what are citations?", CITATIONS),
        (PROMOTE, "What about PostgreSQL?", POSTGRES),
        (FILES, "And how do I sign in to the console?", SIGN_IN),
        (GATE, "OK. How do I put nginx in front?", NGINX),
        (COOKIES, "What about the audit trail?", AUDIT),
        (REVIEWER, "How do I change the port?", PORT),
    ],
}

_KEPT = {
    "pronoun": [
        (SIGN_IN, "How do I sign out of it on a lost device?", DEVICE),
        (EVENTS, "What if the connection drops while they are sent?", DROPPED),
        (CREATE, "Which sites may show it?", ORIGINS),
        (WIDGET, "Can I open it from my own button?", BUTTON),
        (REVIEWER, "Which verdicts can they give?", VERDICTS),
        (STORED, "Can I export that?", EXPORT),
        (CREATE, "How do I put it on my site?", "How do I put the assistant on my site?"),
        (GATE, "What happens to a voice that passed it, how do I promote it?", PROMOTE),
    ],
    "ellipsis": [
        (BACKUP, "And updating?", "How do I update Parlance?"),
        (SYSTEMD, "And Docker?", DOCKER),
        (ROBOTS, "And cookies?", COOKIES),
        (INVITE, "And if I forgot my password?", FORGOT),
        (
            "How do I start the server?",
            "And add people from the command line?",
            "How do I add people from the command line?",
        ),
        (REMOVE, "And updating?", UPDATE),
        (LABELS, "And citations?", CITATIONS),
        (WIDGET, "After a reload of the page?", RELOAD),
    ],
    "correction": [
        (SYSTEMD, "no, Docker", DOCKER),
        (SIGN_IN, "I meant sign out on a device that I lost", DEVICE),
        (FAULTS, "not faults, verdicts", VERDICTS),
        (EXPORT, "I meant a voice to another program", TAKE),
    ],
    "shift": [
        (INVITE, "How do I stop Parlance?", STOP),
        (CITATIONS, "What about cookies?", COOKIES),
        (WEBSITE, "And which model answers?", MODEL),
        (BACKUP, "What is the gate?", GATE),
    ],
}

PAIRS = [
    Pair(kind, before, question, heading, name)
    for name, kinds in (("tuned", _TUNED), ("kept", _KEPT))
    for kind, rows in kinds.items()
    for before, question, heading in rows
]

# Complete questions that hold a harmless "it", "this" or "that": the search must not lean.
FRESH = [
    "What is this site about?",
    "Is it possible to export conversations?",
    "Is there a way to roll back a voice?",
    "How long does it take to install Parlance?",
    "What does this assistant know?",
    "Which files have to be kept secret on this server?",
    "Is it true that the widget sets no cookies?",
    "What happens to a source that fails?",
    "Does it cost anything to use Parlance?",
    "How do I stop Parlance when it hangs?",
    "I have a website. How do I put the widget on it?",
    "Are there any limits on how many pages are read?",
    "What if the crawler is stopped, does it go on?",
    "How can I tell that a voice is better?",
    "Can I try this without a website of my own?",
    "How do I restore a backup that I made?",
]
