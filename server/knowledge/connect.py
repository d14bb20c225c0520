"""Connections of the crawler: to checked addresses only, and never past the deadline."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable

import httpcore

from server.errors import Refused
from server.knowledge.addresses import Guard


class Clock(threading.local):
    """When the request of this thread must be over."""

    end = float("inf")

    def start(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def allow(self, timeout: float | None, too_late: type[Exception]) -> float:
        left = self.end - time.monotonic()
        if left <= 0:
            raise too_late("time is up")
        return left if timeout is None else min(timeout, left)


def guarded_pool(guard: Guard, clock: Clock) -> httpcore.ConnectionPool:
    """A pool of connections whose every address was checked when it was connected to."""
    return httpcore.ConnectionPool(
        ssl_context=ssl.create_default_context(),
        max_connections=20,
        keepalive_expiry=5.0,
        network_backend=_GuardedBackend(guard, clock),
    )


class _GuardedBackend(httpcore.SyncBackend):
    def __init__(self, guard: Guard, clock: Clock) -> None:
        self._guard = guard
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in self._guard.addresses(host, port)[:4]:
            allowed = self._clock.allow(timeout, httpcore.ConnectTimeout)
            try:
                stream = super().connect_tcp(address, port, allowed, local_address, socket_options)
                return _TimedStream(stream, self._clock)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        raise Refused("Sockets of this machine are never read.")


class _TimedStream(httpcore.NetworkStream):
    """Holds every read to the deadline: a byte a second is an answer that never ends."""

    def __init__(self, inner: httpcore.NetworkStream, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._clock.allow(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._clock.allow(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        allowed = self._clock.allow(timeout, httpcore.ConnectTimeout)
        return _TimedStream(
            self._inner.start_tls(ssl_context, server_hostname, allowed), self._clock
        )

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
