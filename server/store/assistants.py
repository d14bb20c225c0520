"""Assistants and what their owners decide: brand, tone, limits of knowledge, allowed origins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from server.errors import Conflict, Invalid, NotFound
from server.store.database import Database, new_id, now, record, records
from server.store.tables import assistants

_BAD = r"\x00-\x20\x7f-\xa0<>\"'\\"
_EMAIL = rf"[^{_BAD}@,;?&/:]+@[\w-]+(?:\.[\w-]+)+"
# No user name in an address: https://bank.example@evil.example opens evil.example.
_CONTACT = rf"mailto:{_EMAIL}|tel:\+?[\d().-]{{3,30}}|https://[^{_BAD}@/?#]+(?:[/?#][^{_BAD}]*)?"


class AssistantSettings(BaseModel):
    """Everything that an owner can change without touching the pasted tag."""

    model_config = ConfigDict(extra="forbid")

    origins: list[str] = Field(default_factory=list, max_length=50)
    color: str = Field(default="#3451b2", pattern=r"^#[0-9a-fA-F]{6}$")
    logo_url: str | None = Field(default=None, max_length=500, pattern=r"^https?://")
    position: Literal["left", "right"] = "right"
    theme: Literal["auto", "light", "dark"] = "auto"
    greeting: str = Field(default="Hello! What would you like to know?", max_length=500)
    placeholder: str = Field(default="Ask a question…", max_length=100)
    suggested_prompts: list[str] = Field(default_factory=list, max_length=6)
    language: str = Field(default="en", pattern=r"^[a-zA-Z-]{2,12}$")
    privacy_url: str | None = Field(default=None, max_length=500, pattern=r"^https?://")
    about: str = Field(default="", max_length=500)
    tone: str = Field(default="Friendly, clear and brief.", max_length=500)
    guidelines: list[str] = Field(default_factory=list, max_length=20)
    guardrails: list[str] = Field(default_factory=list, max_length=20)
    refusal: str = Field(
        default="I could not find that in our pages. Could you put it in other words?",
        max_length=500,
    )
    # How alike a question must be to a curated one; measured in tests/answering/asked.tsv's test.
    curated_threshold: float = Field(default=0.85, ge=0.5, le=1.0)

    contact: str = Field(default="", max_length=300)

    @field_validator("contact")
    @classmethod
    def _contact(cls, value: str) -> str:
        """An address behind "Talk to a person"; a mere e-mail address becomes a mailto: link."""
        text = value.strip()
        if re.fullmatch(_EMAIL, text):
            text = f"mailto:{text}"
        if text and not re.fullmatch(_CONTACT, text, re.IGNORECASE):
            raise ValueError(
                "Write an e-mail address, a number such as tel:+4722334455, or an https:// address"
            )
        return text

    @field_validator("origins")
    @classmethod
    def _origins(cls, values: list[str]) -> list[str]:
        for value in values:
            if not re.fullmatch(r"https?://[^/\s?#@;,'\"\\]+", value):
                raise ValueError(f"{value!r} is not an origin such as https://www.example.org")
        return [value.lower() for value in values]


@dataclass(frozen=True, slots=True)
class Assistant:
    """One assistant; `key` is public and stands in the pasted tag."""

    id: str
    key: str
    name: str
    settings: AssistantSettings
    created_at: datetime


_COLUMNS = (
    assistants.c.id,
    assistants.c.key,
    assistants.c.name,
    assistants.c.settings,
    assistants.c.created_at,
)


class Assistants:
    """Create, find and change assistants."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def create(
        self, name: str, *, key: str | None = None, settings: dict[str, Any] | None = None
    ) -> Assistant:
        """Add an assistant; the key is made from its name unless given. Conflict if taken."""
        if not name.strip() or len(name) > 100:
            raise Invalid("An assistant needs a name of 1 to 100 characters.")
        chosen = key or _key_from(name)
        # It stands in addresses and in the pasted tag.
        if not isinstance(chosen, str) or not re.fullmatch(
            r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", chosen
        ):
            raise Invalid(
                "A key has 1 to 64 letters, digits, '-' and '_'.", hint="Leave it out to get one."
            )
        row = {
            "id": new_id("ast"),
            "key": chosen,
            "name": name.strip(),
            "settings": parse_settings(settings or {}).model_dump(),
            "created_at": now(),
        }
        try:
            with self._db.write() as connection:
                connection.execute(insert(assistants).values(**row))
        except IntegrityError:
            raise Conflict(f"The key {chosen!r} is taken.", hint="Choose another name.") from None
        return self.by_key(chosen)

    def by_key(self, key: str) -> Assistant:
        with self._db.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(assistants.c.key == key)).first()
        if row is None:
            raise NotFound(
                f"There is no assistant {key[:64]!r}.", hint="List them: parlance assistants list"
            )
        return _typed(record(Assistant, row))

    def by_id(self, id: str) -> Assistant:
        with self._db.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(assistants.c.id == id)).first()
        if row is None:
            raise NotFound("That assistant does not exist any more.")
        return _typed(record(Assistant, row))

    def all(self) -> list[Assistant]:
        with self._db.read() as connection:
            rows = connection.execute(select(*_COLUMNS).order_by(assistants.c.seq)).all()
        return [_typed(a) for a in records(Assistant, rows)]

    def change(self, key: str, changes: dict[str, Any]) -> Assistant:
        """Merge changed settings into the present ones; Invalid names the first wrong field."""
        settings = parse_settings(self.by_key(key).settings.model_dump() | changes)
        with self._db.write() as connection:
            connection.execute(
                update(assistants)
                .where(assistants.c.key == key)
                .values(settings=settings.model_dump())
            )
        return self.by_key(key)

    def rename(self, key: str, name: str) -> Assistant:
        if not name.strip() or len(name) > 100:
            raise Invalid("An assistant needs a name of 1 to 100 characters.")
        with self._db.write() as connection:
            connection.execute(
                update(assistants).where(assistants.c.key == key).values(name=name.strip())
            )
        return self.by_key(key)


def parse_settings(values: dict[str, Any]) -> AssistantSettings:
    """Check settings; Invalid with the field's name and what is wrong with it."""
    try:
        return AssistantSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"Setting {where}: {first['msg']}.") from None


def _typed(row: Assistant) -> Assistant:
    settings = AssistantSettings.model_validate(row.settings)
    return Assistant(row.id, row.key, row.name, settings, row.created_at)


def _key_from(name: str) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30] or "assistant"
    return f"{stem}-{new_id('k')[2:8]}"
