"""Passwords: hashing (argon2id), checking at equal cost, and counting wrong attempts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.errors import AppError, Invalid

_SHORTEST = 10
_LONGEST = 500  # hashing a megabyte is work that an attacker would choose
_hasher = PasswordHasher()


class TooMany(AppError):
    """Too many wrong attempts; waiting helps."""

    code = "too_many"
    status = 429


def hash_password(password: str) -> str:
    """Return the argon2id hash to store; Invalid if the password is too short or absurdly long."""
    if len(password) < _SHORTEST:
        raise Invalid(
            f"The password needs at least {_SHORTEST} characters.", hint="A sentence works well."
        )
    if len(password) > _LONGEST:
        raise Invalid(f"The password may have {_LONGEST} characters at most.")
    return _hasher.hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Say whether the password fits; None (nobody of that name) costs as much as a wrong one."""
    try:
        fits = _hasher.verify(stored or _nobody(), password[:_LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return fits and stored is not None


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


class Attempts:
    """Counts sign-in attempts in memory: 20 a pair of address and e-mail, 100 an address.

    An attempt is counted before the password is checked, so that many at once cannot slip through,
    and forgotten when it succeeds.
    """

    def __init__(
        self,
        *,
        per_pair: int = 20,
        per_address: int = 100,
        window: float = 900.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = (per_pair, per_address)
        self._window = window
        self._clock = clock
        self._made: dict[tuple[str, str], list[float]] = {}
        self._lock = threading.Lock()

    def count(self, address: str, email: str) -> None:
        """Count an attempt; TooMany if the limit is reached."""
        now = self._clock()
        with self._lock:
            for key, limit in zip(_keys(address, email), self._limits, strict=True):
                recent = [at for at in self._made.get(key, []) if now - at < self._window]
                if len(recent) >= limit:
                    raise TooMany(
                        "Too many wrong attempts.",
                        hint="Wait a quarter of an hour, then try again.",
                    )
                self._made[key] = [*recent, now]
            self._forget_old(now)

    def succeeded(self, address: str, email: str) -> None:
        """Forget what was counted for this pair, and this one attempt of the address."""
        pair, whole = _keys(address, email)
        with self._lock:
            self._made.pop(pair, None)
            self._made[whole] = self._made.get(whole, [])[:-1]

    def _forget_old(self, now: float) -> None:
        if len(self._made) > 10_000:
            self._made = {k: at for k, at in self._made.items() if now - at[-1] < self._window}


def _keys(address: str, email: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (address, email.strip().lower()[:254]), (address, "")
