"""The owner's content: fetched behind a guard, read into blocks, cut into passages.

Nothing here knows the database; `server.knowledge.ingest` (the durable workflow) calls these.
"""
