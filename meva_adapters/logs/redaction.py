"""Take secrets out of whatever is about to be written, and make text harmless; write nothing.

Two nets: values under keys that name a secret, and every piece of a registered secret in any usual encoding.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, quote_plus

from meva_core.model.money import plain

REDACTED: Final = "[redacted]"
# Six characters of a key are a leak (invariant I29); fewer are found in any text.
PIECE: Final = 6
# A venue's error page may be megabytes; ten thousand characters explain any error.
TEXT_MAX: Final = 10_000
DEPTH_MAX: Final = 6
ITEMS_MAX: Final = 1_000
_CUT: Final = "...[cut]"
# Short texts recur (symbols, statuses, names of fields); their cleaned form is remembered.
_SHORT: Final = 48
_REMEMBERED_MAX: Final = 4_096

_NAMES: Final = (
    r"secret|passw(?:or)?d|passphrase|api[-_]?key|private[-_]?key|token|signature|listen[-_]?key"
    r"|authori[sz]ation|cookie|credential"
)
_SECRET_KEY: Final = re.compile(_NAMES, re.IGNORECASE)
_SECRET_TEXT: Final = re.compile(
    rf"(?P<name>(?:{_NAMES})[\w-]{{0,20}}\\?[\"']?\s*(?:[=:]|%3[dD])\s*\\?[\"']?)"
    r"(?:(?:bearer|basic)\s+)?[^\s\"'&,;}\\]+"
    r"|(?P<scheme>\bbearer\s+)\S+"
    r"|(?P<url>://)[^/\s@]+(?=@)"
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----)(?:.*?-----END [A-Z ]*-----|.*)",
    re.IGNORECASE | re.DOTALL,
)
# Without one of these characters no pattern above can match; most texts have none.
_SUSPECT: Final = re.compile(r"[=:%\s]")
# Line breaks and cursor codes forge lines on a terminal, bidirectional marks reorder them; JSON has no
# surrogates.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Redactor:
    """Know the secrets of this process by their pieces; *register* each before anything can log it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._pieces: frozenset[str] = frozenset()
        self._lengths: tuple[int, ...] = ()
        self._texts: dict[str, str] = {}
        self._names: dict[str, bool] = {}
        for secret in secrets:
            self.register(secret)

    def register(self, secret: str) -> None:
        """Hide *secret* from now on: whole or any six characters of it, plain or encoded."""
        pieces = {piece for form in _forms(secret) for piece in _pieces(form)}
        self._pieces = self._pieces | pieces
        self._lengths = tuple(sorted({len(piece) for piece in self._pieces}))
        self._texts.clear()

    def clean(self, value: Any, *, depth: int = 0) -> Any:
        """Return *value* as plain JSON values without secrets and control characters."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value)
        if isinstance(value, Decimal):
            return self._registered(plain(value))
        if depth < DEPTH_MAX:
            if isinstance(value, Mapping):
                return self._mapping(value, depth)
            if isinstance(value, list | tuple | set | frozenset):
                items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
                return [self.clean(item, depth=depth + 1) for item in items[:ITEMS_MAX]]
        return self.text(_described(value))

    def text(self, text: str) -> str:
        """Return *text* without secrets, on one line, cut to a bounded length."""
        if len(text) > _SHORT:
            return self._cleaned(text)
        cleaned = self._texts.get(text)
        if cleaned is None:
            cleaned = self._cleaned(text)
            _remember(self._texts, text, cleaned)
        return cleaned

    def field(self, key: str, value: Any, *, depth: int = 0) -> Any:
        """Return *value* cleaned, or hidden when *key* names a secret."""
        secret = self._names.get(key)
        if secret is None:
            secret = _SECRET_KEY.search(key) is not None
            _remember(self._names, key, secret)
        return REDACTED if secret and value not in (None, "") else self.clean(value, depth=depth)

    def _cleaned(self, text: str) -> str:
        if len(text) > TEXT_MAX:
            text = text[:TEXT_MAX] + _CUT
        if _SUSPECT.search(text):
            text = _SECRET_TEXT.sub(_named, text)
        return _CONTROL.sub(_escaped, self._registered(text))

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        items = list(value.items())[:ITEMS_MAX]
        return {self.text(str(key)): self.field(str(key), item, depth=depth + 1) for key, item in items}

    def _number(self, value: float) -> float | str:
        """Return the number, or text when its digits hold a piece of a secret or JSON has no such number."""
        if not self._pieces and -(2**63) <= value < 2**63:
            return value
        text = self._registered(repr(value))
        return value if text == repr(value) and -(2**63) <= value < 2**63 else text

    def _registered(self, text: str) -> str:
        covered = _covered(text, self._pieces, self._lengths) if self._pieces else []
        if not covered:
            return text
        parts: list[str] = []
        end = 0
        for start, stop in covered:
            parts += (text[end:start], REDACTED)
            end = stop
        return "".join((*parts, text[end:]))


def _covered(text: str, pieces: frozenset[str], lengths: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the stretches of *text* that consist of *pieces*, overlapping and adjacent ones joined."""
    found = sorted(
        (start, start + length)
        for length in lengths
        for start in range(len(text) - length + 1)
        if text[start : start + length] in pieces
    )
    joined: list[tuple[int, int]] = []
    for start, stop in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def _remember(known: dict[str, Any], key: str, value: object) -> None:
    if len(known) >= _REMEMBERED_MAX:
        known.clear()
    known[key] = value


def _forms(secret: str) -> Iterator[str]:
    """Yield *secret* in every encoding in which it travels: plain, JSON, percent, hexadecimal, base64."""
    raw = secret.encode("utf-8", "surrogatepass")
    percent = quote(raw, safe="")
    yield from (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (percent, re.sub("%..", lambda match: match[0].lower(), percent), quote(raw), quote_plus(raw))
    yield from (raw.hex(), raw.hex().upper())
    for shift, first in enumerate((0, 2, 3)):
        # Inside a longer text the secret starts at one of three places of a base64 group.
        last = (shift + len(raw)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(shift) + raw)[first:last].decode("ascii")


def _pieces(form: str) -> Iterator[str]:
    if 0 < len(form) <= PIECE:
        yield form
        return
    for start in range(len(form) - PIECE + 1):
        yield form[start : start + PIECE]


def _named(match: re.Match[str]) -> str:
    kept = match["name"] or match["scheme"] or match["url"] or match["pem"] or ""
    return kept + REDACTED


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _described(value: object) -> str:
    """Return what *value* says of itself; one that cannot even do that gives its type."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever it is, the line that explains it must be written.
        return f"<{type(value).__name__} without a text>"
