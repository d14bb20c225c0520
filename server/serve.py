"""The web process: gunicorn with one threaded worker that owns engine, Chroma and reading."""

from __future__ import annotations

import logging
import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from server import config, logs
from server.config import Settings
from server.errors import AppError

log = logging.getLogger(__name__)

_SPARE_THREADS = 16


class WebServer(BaseApplication):
    """Opens the services in the worker: models and Chroma must not live on both sides of a fork."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._services: Any = None
        self._watches: list[Any] = []
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": f"{self.settings.host}:{self.settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            # A stream holds a thread for as long as it lasts.
            "threads": self.settings.streams + _SPARE_THREADS,
            "timeout": 120,
            "graceful_timeout": 10,
            "control_socket_disable": True,
            "loglevel": "warning",
            "worker_exit": lambda _server, _worker: self.close(),
            "proc_name": "parlance-web",
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        from server.answering.fitting import fit_soon
        from server.app import create_app  # seconds of imports that the arbiter does without
        from server.checking import asking as checking
        from server.demo import ensure_demo
        from server.learn import refresh
        from server.presence import announce
        from server.rollout import watching
        from server.services import open_services

        try:
            self._services = open_services(self.settings)
        except AppError as error:
            log.error("%s", error)
            # Any other status, and gunicorn would start the worker again and again.
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
        if self.settings.demo:
            ensure_demo(self._services)
        app = create_app(self._services)
        announce(self.settings)
        fit_soon(self._services.retriever, [a.id for a in self._services.store.assistants.all()])
        self._watches = [
            checking.Watch(self._services.store, self._services.jobs, self._services.voices),
            watching.Watch(self._services.store),
            refresh.Watch(self._services.store, self._services.retriever),
        ]
        for watch in self._watches:
            watch.start()
        return app

    def close(self) -> None:
        """Give everything back; a worker that never got so far has nothing."""
        while self._watches:
            self._watches.pop().close()
        if self._services is not None:
            self._services.close()
            self._services = None


def main() -> None:
    settings = config.load()
    logs.set_up(settings.log_level)
    WebServer(settings).run()


if __name__ == "__main__":
    main()
