"""Decide who may ask for what: bearer tokens with scopes, of which only hashes are kept; serve nothing."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from attrs import frozen

from meva_adapters.secrets.private_path import refuse_exposed
from meva_core.errors import ConfigError

_TOKEN_BYTES: Final = 32  # 256 bits from the operating system; half of it would do.
_TOKEN_LENGTH_MAX: Final = 200


class Scope(IntEnum):
    """Rank what a token may do; a scope includes all below it. To stop needs less trust than to go on."""

    READ = 0
    STOP = 1
    BUDGET = 2
    ARM = 3


@frozen
class Bearer:
    """Hold who asks: the name of the token, and its scope."""

    name: str
    scope: Scope


class TokenBook:
    """Know tokens by their hashes alone."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._entries = tuple(
            (bytes.fromhex(digest), Bearer(f"{name}-token", Scope[name.upper()]))
            for name, digest in hashes.items()
        )

    def bearer(self, token: str) -> Bearer | None:
        """Return whose *token* it is. Every known hash is compared in constant time, whichever matches."""
        given = sha256(token[:_TOKEN_LENGTH_MAX].encode("utf-8", "surrogateescape")).digest()
        found = None
        for digest, bearer in self._entries:
            if hmac.compare_digest(digest, given):
                found = bearer
        return found


def open_tokens(directory: Path) -> TokenBook:
    """Return the tokens of *directory* (0700), made now where there are none.

    `<scope>.token` (0600) is for the operator to read and carry away; the server reads `tokens.json`, which
    holds hashes alone. Raise `ConfigError` when others can read the directory or it is not ours.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_exposed(directory)
    book = directory / "tokens.json"
    if not book.exists():
        hashes = {}
        for scope in Scope:
            token = secrets.token_urlsafe(_TOKEN_BYTES)
            _write_private(directory / f"{scope.name.lower()}.token", token)
            hashes[scope.name.lower()] = sha256(token.encode()).hexdigest()
        _write_private(book, json.dumps(hashes, indent=2))
    refuse_exposed(book)
    return TokenBook(json.loads(book.read_text(encoding="ascii")))


def has_tokens(directory: Path) -> bool:
    """Return whether an agent has made its tokens in *directory*."""
    return (directory / "tokens.json").exists()


def read_token(directory: Path, scope: Scope) -> str:
    """Return the token of *scope* for a client on the same machine; raise `ConfigError` when it is not safe."""
    path = directory / f"{scope.name.lower()}.token"
    if not path.exists():
        raise ConfigError((f"{path}: there is no such token. Start the agent once; it makes its tokens.",))
    refuse_exposed(path)
    return path.read_text(encoding="ascii").strip()


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        os.fchmod(descriptor, 0o600)
        file.flush()
        os.fsync(descriptor)


class RateLimit:
    """Allow so many requests in a window per name; *names_max* bounds the memory."""

    def __init__(
        self, limit: int, window_s: float, clock: Callable[[], float], *, names_max: int = 256
    ) -> None:
        self._limit = limit
        self._window_s = window_s
        self._clock = clock
        self._names_max = names_max
        self._times: dict[str, deque[float]] = {}

    def wait_s(self, name: str) -> float:
        """Return 0 when *name* has room, else for how long it has none."""
        times, now = self._times.get(name), self._clock()
        if times is None:
            return 0.0
        while times and now - times[0] >= self._window_s:
            times.popleft()
        return 0.0 if len(times) < self._limit else self._window_s - (now - times[0])

    def count(self, name: str) -> None:
        """Note one request of *name*."""
        if name not in self._times and len(self._times) >= self._names_max:
            del self._times[next(iter(self._times))]
        self._times.setdefault(name, deque(maxlen=self._limit)).append(self._clock())
