"""The demo: an assistant that answers from the manual, made once by `make run`."""

from __future__ import annotations

from server.errors import Conflict, NotFound
from server.knowledge.ingest import content_hash
from server.services import Services
from server.web.docs import FOLDER, page_name
from server.web.widget import DEMO_KEY

_SETTINGS = {
    "greeting": "Hello! I answer from the Parlance manual. What would you like to know?",
    "suggested_prompts": [
        "How do I put the widget on my site?",
        "What does a reviewer do?",
        "How does tuning change the voice?",
    ],
    "about": "Parlance is a chat assistant that site owners host themselves.",
}


def ensure_demo(services: Services) -> None:
    """Create the demo assistant and read the manual into it; pages that are unchanged are kept."""
    try:
        assistant = services.store.assistants.by_key(DEMO_KEY)
    except NotFound:
        assistant = services.store.assistants.create("Parlance", key=DEMO_KEY, settings=_SETTINGS)
    known = {s.location: s for s in services.store.knowledge.sources(assistant.id)}
    for path in sorted(FOLDER.glob("*.md")):
        body = path.read_bytes()
        source = known.get(path.name)
        if source is not None and source.options.get("hash") == content_hash(body):
            continue
        try:
            url = f"{services.settings.url}/docs/{page_name(path)}"
            services.ingestion.add_file(assistant, path.name, body, url=url)
        except Conflict:
            continue  # a reading that the last stop interrupted is going on already


def is_ready(services: Services) -> bool:
    """Whether no source of the demo waits to be read."""
    assistant = services.store.assistants.by_key(DEMO_KEY)
    sources = services.store.knowledge.sources(assistant.id)
    return all(s.status not in ("queued", "running") for s in sources)
