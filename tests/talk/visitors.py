"""Questions in visitors' own words over the manual, short and careless as they are typed.

Written by hand to see what the gate does to wordings that no heading has; nothing was tuned to
them. `BESIDE` are questions on things that the manual does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from server.store.conversations import Turn
from tests.talk.manual import Desk, heading_of

ANSWERED, OFFERED, OTHERWISE, REFUSED = (
    "answered from the right section",
    "refused, the right section offered",
    "answered from another section",
    "refused, the right section not offered",
)

# (what is asked, the heading of the section that answers it)
HELD = (
    ("can I use a different model", "How do I use another model?"),
    ("what LLM does it run on?", "Which model answers?"),
    ("my users see the bubble but I want it blue", "How do I change the look of the widget?"),
    ("how to embed the chat on my wordpress page", "How do I put the widget on my site?"),
    ("is there a price / do I have to pay", "What does Parlance cost?"),
    ("lost my password", "I forgot my password. How do I get in again?"),
    ("add a teammate", "How do I invite somebody?"),
    ("can it read pdf", "Which files can Parlance read?"),
    ("does it understand docx", "Can Parlance read Word or other Office files?"),
    ("will it speak german", "Which languages work?"),
    ("where's the database file", "Where does Parlance keep its data?"),
    ("gdpr: does any data leave my server?", "Is data sent to third parties?"),
    ("do I need a cookie banner", "Does the widget set cookies?"),
    ("how much example replies are needed to train", "How many replies do I need before a run?"),
    ("go back to the old voice", "How do I roll back a voice?"),
    ("put the new voice live", "How do I promote a voice?"),
    ("download all chats as a file", "How do I export the conversations?"),
    (
        "can blind people use it",
        "Can visitors use the widget with the keyboard or a screen reader?",
    ),
    ("run it behind a reverse proxy", "How do I put nginx in front?"),
    ("port 8080 is taken already", "How do I change the port or the address?"),
    (
        "does the chat survive a page refresh",
        "What happens to a chat when the visitor reloads the page?",
    ),
    ("what is that grey 'uncertain' tag under the answer", "What do the labels of an answer mean?"),
    (
        "website changed, how do I refresh what the bot knows",
        "How do I update content that has changed?",
    ),
    ("delete a page from its knowledge", "How do I remove content?"),
    ("use postgres instead of sqlite", "How do I use PostgreSQL?"),
    ("start it in a container", "How do I run Parlance with Docker?"),
    ("how do I shut it down", "How do I stop Parlance?"),
    ("move everything to a new disk", "How do I move the data to another folder?"),
    ("who sees what people typed?", "Who can read a conversation?"),
    ("how long do you store chats", "How long are conversations kept?"),
    ("log of who changed what", "What is the audit trail?"),
    (
        "open the chat when someone clicks my help link",
        "How do I open the chat from my own button?",
    ),
    ("restrict the widget to my own domain", "Which sites may show my assistant?"),
    ("make a second bot", "How do I create my own assistant?"),
    ("what can a viewer account do", "What may owners, reviewers and viewers do?"),
    ("my bill is due, what do you charge", "What does Parlance cost?"),
    ("i marked an answer wrong by accident", "Can a verdict be changed?"),
    ("does it respect robots rules when crawling", "Does the crawler obey robots.txt?"),
    ("max pages it will crawl", "How many pages does a crawl read?"),
    ("connection dropped mid answer, what now", "How do I go on after a dropped connection?"),
)

BESIDE = (
    "does it connect to slack",
    "can I take phone calls with it",
    "is there an android app",
    "how do I accept credit cards in the chat",
    "do you have a shopify plugin",
    "can it book meetings in my calendar",
    "does parlance support kubernetes autoscaling",
    "what is the refund policy",
    "who founded parlance",
    "how do I connect salesforce",
    "can it send newsletters",
    "is there a free trial of the enterprise plan",
    "does it translate the website itself",
    "can I pay by invoice",
    "what is your uptime guarantee",
    "is there a zapier integration",
    "can the bot generate images",
    "how do I use single sign-on with okta",
    "can visitors upload photos",
    "does it support whatsapp",
    "what's the weather in paris",
    "which GPU should I buy",
    "how many employees do you have",
    "can I white-label it for resellers",
    "is it certified for HIPAA",
    "how do I A/B test greetings",
    "does it work in internet explorer 6",
    "can it call my REST API to look up orders",
    "how do I schedule business hours",
    "does it detect angry customers",
)


def outcomes(desk: Desk) -> tuple[Counter[str], Counter[str]]:
    """What comes of `HELD`, by the four names above; and of `BESIDE`, by label."""
    held = Counter(_outcome(_asked(desk, question), heading) for question, heading in HELD)
    return held, Counter(str(_asked(desk, question).label) for question in BESIDE)


def table(found: tuple[Counter[str], Counter[str]]) -> str:
    """Both as lines of a report."""
    held, beside = found
    lines = [f"{name:42} {held[name]:3}" for name in (ANSWERED, OFFERED, OTHERWISE, REFUSED)]
    lines.append(f"{'beside the manual: refused':42} {beside['refused']:3} of {len(BESIDE)}")
    return f"Questions in visitors' own words, {len(HELD)}:\n" + "\n".join(lines)


def _outcome(turn: Turn, heading: str) -> str:
    if turn.label == "refused":
        near: Sequence[dict[str, str]] = turn.signals.get("related") or ()
        return OFFERED if heading in [one["title"] for one in near] else REFUSED
    cited = [heading_of(str(c["title"])) for c in turn.citations]
    return ANSWERED if heading in cited[:1] else OTHERWISE


def _asked(desk: Desk, question: str) -> Turn:
    conversation = desk.store.conversations.start(
        desk.assistant.id, visitor_id="vis_own_words", token_hash="", page_url=""
    )
    live = desk.chat.ask(desk.assistant, conversation, question)
    for _ in live.follow():
        pass
    return desk.store.conversations.turn(live.turn.id)
