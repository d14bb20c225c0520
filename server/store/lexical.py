"""Full-text search over passages: FTS5 on SQLite, tsvector on PostgreSQL.

Both are kept in step by the database itself (triggers, a generated column), so the lexical
index can never disagree with the passages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from server.store.database import Database

_SQLITE = text(
    """
    SELECT p.seq AS seq, p.id AS id, -bm25(passages_fts, 2.0, 1.0) AS score
    FROM passages_fts JOIN passages p ON p.seq = passages_fts.rowid
    WHERE passages_fts MATCH :query AND p.assistant_id = :assistant
    ORDER BY bm25(passages_fts, 2.0, 1.0) LIMIT :limit
    """
)
_POSTGRES = text(
    """
    SELECT p.seq AS seq, p.id AS id, ts_rank_cd(p.search, q, 1) AS score
    FROM passages p, to_tsquery('english', :query) q
    WHERE p.search @@ q AND p.assistant_id = :assistant
    ORDER BY score DESC, p.seq LIMIT :limit
    """
)
_SQLITE_COUNT = text(
    """
    SELECT count(*) FROM passages_fts JOIN passages p ON p.seq = passages_fts.rowid
    WHERE passages_fts MATCH :query AND p.assistant_id = :assistant
    """
)
_POSTGRES_COUNT = text(
    """
    SELECT count(*) FROM passages p
    WHERE p.search @@ plainto_tsquery('english', :query) AND p.assistant_id = :assistant
    """
)
_TOTAL = text("SELECT count(*) FROM passages WHERE assistant_id = :assistant")
_WORD = re.compile(r"\w+", re.UNICODE)


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A passage that shares words with the query; a higher score is a better match."""

    seq: int
    id: str
    score: float


class Lexical:
    """Search by words."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def search(self, assistant_id: str, query: str, *, limit: int) -> list[LexicalHit]:
        """Return the best passages that hold any of the query's words."""
        words = list(dict.fromkeys(w.lower() for w in _WORD.findall(query)))[:64]
        if not words:
            return []
        sqlite = self._db.is_sqlite
        # Every word is quoted: the visitor's text must never be read as query syntax.
        expression = (" OR " if sqlite else " | ").join(
            f'"{w}"' if sqlite else f"'{w}'" for w in words
        )
        values = {"query": expression, "assistant": assistant_id, "limit": limit}
        with self._db.read() as connection:
            rows = connection.execute(_SQLITE if sqlite else _POSTGRES, values).all()
        return [LexicalHit(row.seq, row.id, float(row.score)) for row in rows]

    def document_counts(
        self, assistant_id: str, words: Sequence[str]
    ) -> tuple[int, dict[str, int]]:
        """How many passages there are, and in how many of them each word stands; a word of several
        parts, such as "e-mail", counts where they follow each other."""
        sqlite = self._db.is_sqlite
        count = _SQLITE_COUNT if sqlite else _POSTGRES_COUNT
        with self._db.read() as connection:
            total = connection.execute(_TOTAL, {"assistant": assistant_id}).scalar() or 0
            found = {
                word: connection.execute(
                    count,
                    {"query": _quoted(word) if sqlite else word, "assistant": assistant_id},
                ).scalar()
                or 0
                for word in words
            }
        return total, found


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
