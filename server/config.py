"""Every setting: its name, default and help. The only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from server.errors import Invalid

PREFIX = "PARLANCE_"
_SECRET_MIN = 32


def _setting(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an installation may decide. `PARLANCE_<NAME>` in the environment sets `<name>`."""

    home: Path = _setting(Path("var"), "Folder for the database, indexes, models and adapters.")
    host: str = _setting("127.0.0.1", "Address the web server listens on.")
    port: int = _setting(8080, "Port the web server listens on.")
    public_url: str = _setting(
        "", "Address visitors reach, such as https://chat.example.org; empty: http://HOST:PORT."
    )
    database_url: str = _setting(
        "", "SQLAlchemy URL; empty: SQLite in the home folder. PostgreSQL: postgresql://..."
    )
    jobs_url: str = _setting(
        "", "SQLAlchemy URL of the job system's own database; empty: SQLite in the home folder."
    )
    secret_key: str = _setting(
        "",
        "Signs console sessions, 32 characters or more; empty: made once and kept in the home folder.",
    )
    model: str = _setting(
        "default", "Base model: default, a path to a GGUF file, or hub:OWNER/REPO/FILE.gguf."
    )
    model_url: str = _setting(
        "",
        "An OpenAI-compatible server that answers instead of the built-in engine, such as http://127.0.0.1:8000/v1.",
    )
    model_key: str = _setting("", "Bearer key for MODEL_URL.")
    model_name: str = _setting("default", "Name of the model at MODEL_URL.")
    model_context: int = _setting(4096, "Tokens that the model at MODEL_URL holds.")
    model_adapters: str = _setting(
        "",
        "Path at which the vLLM server at MODEL_URL sees the home folder, to load promoted adapters; empty: it loads none.",
    )
    checker: str = _setting(
        "",
        "Folder of an NLI model or cross-encoder in OpenVINO's format that checks sentences too; empty: none.",
    )
    threads: int = _setting(0, "Processor threads for the engine; 0: all cores.")
    max_tokens: int = _setting(160, "Longest reply, in tokens.")
    max_question: int = _setting(2000, "Longest question, in characters.")
    streams: int = _setting(64, "Answers that may stream at once; more are asked to try again.")
    crawl_private: str = _setting(
        "",
        "Hosts on private addresses that may be crawled, comma-separated, such as 127.0.0.1,wiki.lan.",
    )
    crawl_pages: int = _setting(500, "Most pages fetched from one website.")
    crawl_depth: int = _setting(6, "Most links followed from the start page.")
    rate_turns: int = _setting(30, "Questions a minute for one visitor address.")
    rate_conversations: int = _setting(30, "New conversations a minute for one visitor address.")
    trusted_proxies: int = _setting(
        0, "Proxies in front that set X-Forwarded-For; 0: none is believed."
    )
    cookie_secure: bool = _setting(
        False, "Send console cookies over HTTPS only; set it wherever the site has HTTPS."
    )
    demo: bool = _setting(
        False, "Create the demo assistant from the manual at start, if there is none."
    )
    log_level: str = _setting("INFO", "Least severe level that is logged.")
    tune_threads: int = _setting(0, "Processor threads for training; 0: all cores.")
    tune_nice: int = _setting(10, "Niceness of the training process, so that visitors come first.")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home.resolve() / 'parlance.db'}"

    @property
    def jobs_database(self) -> str:
        return self.jobs_url or f"sqlite:///{self.home.resolve() / 'jobs.db'}"

    @property
    def url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def private_hosts(self) -> frozenset[str]:
        return frozenset(h.strip().lower() for h in self.crawl_private.split(",") if h.strip())

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise Invalid(f"PARLANCE_PORT is {self.port}.", hint="Use a port from 1 to 65535.")
        if self.model_adapters and not self.model_url:
            raise Invalid(
                "PARLANCE_MODEL_ADAPTERS is set, but no server at PARLANCE_MODEL_URL.",
                hint="Set both, or leave both empty.",
            )
        if self.secret_key and len(self.secret_key) < _SECRET_MIN:
            raise Invalid(
                "PARLANCE_SECRET_KEY is too short to be safe.",
                hint=f"Give at least {_SECRET_MIN} random characters, or leave it empty.",
            )


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read settings from the environment; raise Invalid with the variable's name if one is wrong."""
    source = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for spec in fields(Settings):
        raw = source.get(PREFIX + spec.name.upper())
        if raw is not None:
            values[spec.name] = _parse(spec.name, spec.default, raw)
    return Settings(**values)


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables that give a child process these settings."""
    values = {s.name: getattr(settings, s.name) for s in fields(Settings)}
    values["home"] = settings.home.resolve()
    return {PREFIX + name.upper(): _shown(value) for name, value in values.items()}


def describe() -> list[tuple[str, str, str]]:
    """List (variable, default, help) for the manual, `env.example` and their tests."""
    return [
        (PREFIX + s.name.upper(), _shown(s.default), str(s.metadata["help"]))
        for s in fields(Settings)
    ]


def _parse(name: str, default: Any, raw: str) -> Any:
    if isinstance(default, bool):
        if raw.lower() in {"1", "true", "yes", "on"}:
            return True
        if raw.lower() in {"", "0", "false", "no", "off"}:
            return False
        raise Invalid(f"{PREFIX}{name.upper()} is {raw!r}.", hint="Use true or false.")
    if isinstance(default, int):
        try:
            return int(raw)
        except ValueError:
            raise Invalid(
                f"{PREFIX}{name.upper()} is {raw!r}.", hint="Use a whole number."
            ) from None
    return Path(raw) if isinstance(default, Path) else raw


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
